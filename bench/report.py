# SPDX-License-Identifier: MIT
"""What was measured, as a page: REPORT.md, its charts beside it, and the figures as JSON."""
import html
import json

from figures import table, verdict

COLOURS = ("#3b6ea8", "#8aa63c", "#c46a3a", "#8c6bb1")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 860, 340, 70, 48, 70


def number(value):
    """A figure with three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def bars(title, unit, categories, series):
    """A chart of grouped bars as SVG; `series` is {name: [a value for each category]}."""
    top = max(max(values) for values in series.values()) or 1
    slot = (WIDTH - LEFT - 10) / len(categories)
    width = slot * 0.8 / len(series)
    scale = (HEIGHT - TOP - BOTTOM) / top
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
           ' font-family="sans-serif" font-size="11">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="18" font-size="14">{html.escape(title)} ({unit})</text>']
    for step in range(5):
        y = HEIGHT - BOTTOM - top * step / 4 * scale
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - 10}" y2="{y:.1f}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
                   f"{number(top * step / 4)}</text>")
    for i, (name, values) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        out.append(f'<rect x="{LEFT + i * 180}" y="26" width="10" height="10" fill="{colour}"/>'
                   f'<text x="{LEFT + 14 + i * 180}" y="35">{html.escape(name)}</text>')
        for k, value in enumerate(values):
            x = LEFT + k * slot + slot * 0.1 + i * width
            out.append(f'<rect x="{x:.1f}" y="{HEIGHT - BOTTOM - value * scale:.1f}"'
                       f' width="{width:.1f}" height="{value * scale:.1f}" fill="{colour}">'
                       f"<title>{html.escape(name)}: {number(value)} {unit}</title></rect>")
    for k, category in enumerate(categories):
        x, y = LEFT + (k + 0.5) * slot, HEIGHT - BOTTOM + 14
        turn = f' text-anchor="end" transform="rotate(-35 {x:.1f} {y})"' if len(categories) > 6 \
            else ' text-anchor="middle"'
        out.append(f'<text x="{x:.1f}" y="{y}"{turn}>{html.escape(str(category))}</text>')
    return "\n".join(out + ["</svg>", ""])


class Report:
    """Collects rows for the table of targets, further tables and charts."""

    def __init__(self, directory, title):
        self.directory = directory
        self.title = title
        self.targets = []
        self.sections = []
        self.figures = {}

    def target(self, measure, figure, target="", met=None):
        """One row: what was measured beside what it should be; `met` None: there is no target."""
        self.targets.append((measure, figure, target,
                             "" if met is None else verdict(met)))

    def table(self, title, headers, rows):
        cells = [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in rows]
        self.sections.append(f"### {title}\n\n{table(headers, cells)}")
        self.figures[title] = [dict(zip(headers, row)) for row in rows]

    def section(self, text):
        self.sections.append(text)

    def chart(self, name, title, unit, categories, series):
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / f"{name}.svg").write_text(bars(title, unit, categories, series))
        self.sections.append(f"![{title}]({name}.svg)")

    def write(self, lines):
        """Write all of it, below what `lines` say of the machine, and return the path of the page."""
        counted = [met for *_, met in self.targets if met]
        page = [f"# {self.title}", "", *(f"- {line}" for line in lines), "",
                "Everything that is compared runs in alternating rounds in one window. Figures are "
                "medians of the rounds; a p99 is the median of the rounds' p99s. Ratios carry over to "
                "other machines, absolute figures do not.", ""]
        if self.targets:
            page += ["## The service", "",
                     f"{counted.count(verdict(True))} of {len(counted)} targets met.", "",
                     table(("measure", "figure", "aim", ""), self.targets)]
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / "REPORT.md"
        path.write_text("\n".join(page) + "\n" + "\n\n".join(self.sections) + "\n")
        (self.directory / "figures.json").write_text(json.dumps(self.figures, indent=1))
        return path
