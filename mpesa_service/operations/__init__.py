"""What operators use: doctor, readiness, suspensions, key rotation."""
