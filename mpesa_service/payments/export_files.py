"""Files of payments: CSV, JSON Lines, or an Excel workbook."""

from collections.abc import Iterable, Iterator
from itertools import chain

from mpesa_service.payments.json_rows import EXPORTED, readable_cells, written
from mpesa_service.payments.listing import ExportedPayment
from mpesa_service.web.file_formats import BOM, XLSX, FileFormat
from mpesa_service.web.xlsx_rows import xlsx_parts


def export_file(form: FileFormat, batches: Iterable[list[ExportedPayment]]) -> Iterator[bytes]:
    """Yield the bytes of a file of payments, batch by batch."""
    if form.kind == XLSX:
        cells = (map(readable_cells, batch) for batch in batches)
        yield from xlsx_parts(chain([[EXPORTED]], cells))
        return
    if form.bom:
        yield BOM.encode()
    for text in written(form.kind, batches):
        yield text.encode()
