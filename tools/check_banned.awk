# Prints every call of a function we do not use, with what to use instead; exits 1 if there is one.
#
#   awk -f tools/check_banned.awk src/*/*.[ch]
#
# Comments and string literals are taken out first, so both may name these functions.
BEGIN {
    instead["strcpy"] = instead["strcat"] = "a strbuf, or snprintf into a buffer of known size"
    instead["sprintf"] = instead["vsprintf"] = "snprintf, or a strbuf"
    instead["atoi"] = instead["atol"] = "strtol with its end pointer and errno checked"
    instead["gets"] = "getline or fgets"
    instead["strtok"] = "strtok_r or strcspn"
    instead["abort"] = instead["assert"] = "an error returned: the library never ends its host"
}

FNR == 1 { in_comment = 0 }

{
    line = code($0)
    while (match(line, /[A-Za-z_0-9]+[ \t]*\(/)) {
        name = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        sub(/[ \t]*\($/, "", name)
        if (name in instead) {
            print FILENAME ":" FNR ": " name " is not used here; use " instead[name]
            bad = 1
        }
    }
}

END { exit bad }

# The line without comments and without the contents of its literals.
function code(text,    kept, end) {
    kept = ""
    while (text != "") {
        if (in_comment) {
            end = index(text, "*/")
            if (!end)
                return kept
            text = substr(text, end + 2)
            in_comment = 0
        } else if (match(text, /\/\*|\/\/|"|'/)) {
            kept = kept substr(text, 1, RSTART - 1) " "
            text = substr(text, RSTART)
            if (text ~ /^\/\//)
                return kept
            if (text ~ /^\/\*/) {
                text = substr(text, 3)
                in_comment = 1
            } else if (match(text, /^"([^"\\]|\\.)*"/) || match(text, /^'([^'\\]|\\.)*'/)) {
                text = substr(text, RLENGTH + 1)
            } else {
                text = substr(text, 2)
            }
        } else {
            return kept text
        }
    }
    return kept
}
