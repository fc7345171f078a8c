# What the writers of man pages share: text as roff.

function title(name, section) {
    return ".TH " name " " section " \"\" \"telemetry " version "\"\n"
}

function literal(line) {
    gsub(/\\/, "\\e", line)
    gsub(/-/, "\\-", line)
    return (line ~ /^[.']/ ? "\\\\&" : "") line
}

# `code` in bold.
function text(line,    bold) {
    line = literal(line)
    while (index(line, "`")) {
        bold = !bold
        sub(/`/, bold ? "\\fB" : "\\fP", line)
    }
    return line
}

function listing(code,    lines, n, i, out) {
    n = split(code, lines, "\n")
    for (i = 1; i < n; i++)
        out = out literal(lines[i]) "\n"
    return ".EX\n" out ".EE\n"
}
