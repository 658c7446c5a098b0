"""Prints src/kernels/gelu_table.h: a piecewise polynomial for the erf form of GELU.

GELU(x) = max(x, 0) - h(|x|) with h(a) = a erfc(a / sqrt 2) / 2, which falls to nothing by END. Each
of INTERVALS equal parts of [0, END] has a polynomial through Chebyshev's nodes; the first goes
through zero with the slope of h, so that tiny x keep their relative precision, the last ends at
zero.
"""

import math
from fractions import Fraction

END, INTERVALS, DEGREE = Fraction(23, 4), 16, 5
WIDTH = END / INTERVALS


def h(a):
    return a * 0.5 * math.erfc(a / math.sqrt(2))


def nodes(count):
    return [0.5 - 0.5 * math.cos((2 * i + 1) * math.pi / (2 * count)) for i in range(count)]


def solve(rows, values):
    """The solution of a small linear system, exactly."""
    size = len(rows)
    table = [[Fraction(x) for x in row] + [Fraction(value)] for row, value in zip(rows, values)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(table[r][i]))
        table[i], table[pivot] = table[pivot], table[i]
        for r in range(size):
            if r != i:
                factor = table[r][i] / table[i][i]
                table[r] = [x - factor * y for x, y in zip(table[r], table[i])]
    return [float(table[i][size] / table[i][i]) for i in range(size)]


def fitted(interval):
    """Coefficients in t from 0 to 1, the constant one first."""
    fixed = []  # (row of the system, value)
    if interval == 0:
        slope = [0, 1] + [0] * (DEGREE - 1)
        fixed = [([1] + [0] * DEGREE, 0), (slope, WIDTH / 2)]
    if interval == INTERVALS - 1:
        fixed = [([1] * (DEGREE + 1), 0)]
    free = nodes(DEGREE + 1 - len(fixed))
    if interval == 0:  # zero is taken: the right half of twice as many
        free = [2 * node - 1 for node in nodes(2 * len(free))[len(free) :]]
    rows = [row for row, _ in fixed] + [[t**d for d in range(DEGREE + 1)] for t in free]
    values = [value for _, value in fixed] + [h((interval + t) * float(WIDTH)) for t in free]
    return solve(rows, values)


def literal(value):
    text = f"{value:.9g}"
    return text + ("F" if "." in text or "e" in text else ".0F")


def main():
    table = [fitted(i) for i in range(INTERVALS)]
    print("// Made by tools/fit_gelu.py, which says what it is.")
    print("#pragma once\n")
    print("namespace accel::kernels {\n")
    print(f"constexpr float kGeluIntervalsPerUnit = {literal(float(1 / WIDTH))};")
    print("// [power][interval]")
    print(f"alignas(64) constexpr float kGeluTable[{DEGREE + 1}][{INTERVALS}] = {{")
    for power in range(DEGREE + 1):
        row = [literal(table[i][power]) for i in range(INTERVALS)]
        for begin in range(0, INTERVALS, 4):
            start = "    {" if begin == 0 else "     "
            end = "}," if begin + 4 == INTERVALS else ","
            print(start + ", ".join(row[begin : begin + 4]) + end)
    print("};\n\n}  // namespace accel::kernels")


if __name__ == "__main__":
    main()
