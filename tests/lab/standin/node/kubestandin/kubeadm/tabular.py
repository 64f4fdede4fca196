"""Tables as Go's text/tabwriter makes them in kubeadm: at least 10 wide, three blanks between."""

MIN_WIDTH, PADDING = 10, 3


def tabwriter(rows: list, trailing: bool = False) -> str:
    """With `trailing` the last column is padded too, as where the format ends with a tab."""
    count = max(len(row) for row in rows)
    widths = [max(MIN_WIDTH, max(len(row[i]) for row in rows if i < len(row)) + PADDING) for i in range(count)]
    lines = []
    for row in rows:
        last = len(row) if trailing else len(row) - 1
        lines.append("".join(cell.ljust(widths[i]) if i < last else cell for i, cell in enumerate(row)) + "\n")
    return "".join(lines)
