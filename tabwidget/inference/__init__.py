"""Inference: questions, evidence and answers; knows no backend.

::

    evidence.py      what is known of a column: a value, a set, a range
    admissible.py    the values of a column that evidence admits
    query.py         which columns are asked for, given what
    formula.py       the formula language
    marginalize.py   sets and ranges as weighted rows of values
    distribution.py  the answer: p(column | evidence)
    joint.py         the answer for several columns together
    sampling.py      draws from probabilities
    calibration.py   whether probabilities come true
"""
