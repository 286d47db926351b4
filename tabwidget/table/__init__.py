"""Tables: a DataFrame with the kind, role and support of its columns.

::

    table.py            Table and TableSchema
    column.py           kind, role and support of one column
    infer.py            a Column from the cells of a Series
    binning.py          bins for a number with many distinct values
    text_embedding.py   free text as vectors (latent semantic analysis)
    values.py dtypes.py cells as floats, and sampled cells in a column's dtype
    readers.py          CSV, TSV and Parquet files
    label_columns.py    text columns and label columns
    column_orders.py    random column orders
"""

from tabwidget.table.column import Column
from tabwidget.table.table import Table, TableSchema, as_table

__all__ = ["Column", "Table", "TableSchema", "as_table"]
