"""Table: a DataFrame, and what each of its columns is.

::

    table.py            Table and TableSchema
    column.py           one column: its kind, its role and its support
    binning.py          bins of a number with many values
    text_embedding.py   free text as a vector of its words
    values.py dtypes.py cells as numbers, and back as the dtype they came from
    readers.py          CSV, TSV and Parquet files
    label_columns.py    which columns are texts, labels, the target
    column_orders.py    random orders of columns
"""

from tabwidget.table.column import Column
from tabwidget.table.table import Table, TableSchema, as_table

__all__ = ["Column", "Table", "TableSchema", "as_table"]
