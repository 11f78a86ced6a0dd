"""Everything that M-Pesa posts: `routes` receive it, `receive` stores it, `handlers` apply it."""
