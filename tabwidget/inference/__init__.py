"""Inference: p(target | evidence) from the predictions of any backend.

::

    evidence.py      evidence on a column: a value, a set, a range
    admissible.py    the values of a column that evidence admits
    query.py         targets and evidence of a question; resolved once
    formula.py       the formula language
    marginalize.py   sets and ranges as weighted rows
    distribution.py  p(column | evidence)
    joint.py         p(several columns | evidence)
    sampling.py      samples from probabilities
    calibration.py   predicted probabilities against observed frequencies
"""
