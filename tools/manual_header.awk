# Turns telemetry.h into man pages of section 3:
#
#   awk -f manual_roff.awk -f manual_header.awk -v dir=OUT -v version=1.2.3 telemetry.h
#
# A comment and the declarations below it, up to an empty line or the next comment, are one item. An
# item with functions becomes the page of its first one, to which the others' pages refer. The comment
# at the top, the overview of all functions, and the items without any are telemetry.3.

/^#ifdef __cplusplus/ { skipping = 1 }
skipping              { skipping = !/^#endif/; next }

/^\/\* ---- / {
    flush_item()
    gsub(/^\/\* -+ | -+ \*\/$/, "")
    section = $0
    next
}

/^\/\*/              { flush_item(); in_comment = 1 }
in_comment           { read_comment($0); next }
/^#define TEL_API /  { next }
/^#define [A-Z_]+[ (]./ { in_macro = 1 }
in_macro             { declare($0); in_macro = /\\$/; next }
/^#/                 { next }
/^$/ && !depth       { flush_item(); next }

{
    declare($0)
    depth += gsub(/{/, "{") - gsub(/}/, "}")
}

END {
    flush_item()
    write_overview()
}

# ---- Reading -------------------------------------------------------------------------------------

function read_comment(line) {
    in_comment = line !~ /\*\/[ \t]*$/
    gsub(/^\/\*|[ \t]*\*\/[ \t]*$/, "", line)
    sub(/^ \*/, "", line)
    sub(/^ /, "", line)
    if (comment || line)
        comment = comment line "\n"
}

function declare(line) {
    if (line ~ /^TEL_API/ && match(line, /tel_[a-z0-9_]+\(/))
        names[++count] = substr(line, RSTART, RLENGTH - 1)
    sub(/^TEL_API /, "", line)
    code = code line "\n"
}

function flush_item() {
    sub(/\n+$/, "\n", comment)
    if (comment && !code && !top)
        top = comment # what comes first is about the whole
    else if (count)
        write_page()
    else if (code && code !~ /^typedef struct [a-z_]+ [a-z_]+;\n$/)
        types = types prose(comment) (comment ? ".PP\n" : "") listing(code) ".PP\n"
    comment = code = ""
    count = depth = 0
}

# ---- Writing -------------------------------------------------------------------------------------

function write_page(    file, i, all) {
    if (section != headed)
        overview = overview ".SS " section "\n"
    headed = section
    for (i = 1; i <= count; i++) {
        all = all (i > 1 ? ", " : "") names[i]
        overview = overview (i > 1 ? ".TQ\n" : ".TP\n") ".BR " names[i] " (3)\n"
    }
    overview = overview text(short(comment)) "\n"

    file = dir "/" names[1] ".3"
    printf "%s.SH NAME\n%s \\- %s\n", title(names[1], 3), all, text(short(comment)) > file
    printf ".SH SYNOPSIS\n%s.PP\n%s", listing("#include <telemetry.h>\n"), listing(code) > file
    printf ".SH DESCRIPTION\n%s.SH SEE ALSO\n.BR telemetry (3)\n", prose(comment) > file
    close(file)
    for (i = 2; i <= count; i++) {
        file = dir "/" names[i] ".3"
        print ".so man3/" names[1] ".3" > file
        close(file)
    }
}

function write_overview(    file, start) {
    file = dir "/telemetry.3"
    start = index(top, "telemetry.h - ") + length("telemetry.h - ")
    top = substr(top, start)
    printf "%s.SH NAME\ntelemetry \\- %s\n", title("telemetry", 3), text(short(top)) > file
    printf ".SH SYNOPSIS\n%s.PP\n%s", listing("#include <telemetry.h>\n"), \
        listing("cc program.c $(pkg-config --cflags --libs telemetry)\n") > file
    printf ".SH DESCRIPTION\n%s", prose(substr(top, index(top, "\n\n") + 2)) > file
    printf ".SH FUNCTIONS\n%s.SH TYPES AND CONSTANTS\n%s", overview, types > file
    printf ".SH SEE ALSO\n.BR telemetry (1),\n.BR telemetryd (8)\n" > file
    close(file)
}

# The beginning of the first sentence, as far as it can stand alone: for lists, so without the
# capital, and without what is in parentheses that do not close in it.
function short(comment,    end) {
    gsub(/\n/, " ", comment)
    sub(/^ +/, "", comment)
    gsub(/, e\.g\. .*/, ".", comment)
    end = match(comment, /[.:;]( |$)/)
    if (end)
        comment = substr(comment, 1, end - 1)
    while (gsub(/\(/, "(", comment) > gsub(/\)/, ")", comment))
        sub(/ *\([^(]*$/, "", comment)
    return tolower(substr(comment, 1, 1)) substr(comment, 2)
}

# Paragraphs. Indented by four: code. "  Word     text" and lines far to the right: a list of terms.
function prose(comment,    lines, n, i, out, in_code, in_term) {
    n = split(comment, lines, "\n")
    for (i = 1; i < n; i++) {
        if (in_code && lines[i] !~ /^    |^$/) {
            out = out ".EE\n.RE\n.PP\n"
            in_code = 0
        }
        if (lines[i] ~ /^  [A-Z][A-Za-z]+  +/) {
            sub(/^  /, "", lines[i])
            out = out ".TP\n.B " substr(lines[i], 1, index(lines[i], " ") - 1) "\n"
            sub(/^[A-Za-z]+ +/, "", lines[i])
            in_term = 1
        } else if (in_term && lines[i] ~ /^     /) {
            sub(/^ +/, "", lines[i])
        } else if (!in_code && lines[i] ~ /^    /) {
            out = out ".RS 4\n.EX\n"
            in_code = 1
        }
        if (in_code)
            out = out literal(substr(lines[i], 5)) "\n"
        else
            out = out (lines[i] == "" ? ".PP\n" : text(lines[i]) "\n")
    }
    return out (in_code ? ".EE\n.RE\n" : "")
}
