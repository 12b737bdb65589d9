# What the scripts beside it read trx reports with. A record is one tag with the text after it: RS='<'.

# The value of the record's attribute, decoded; "" where it has none.
function attribute(name,   rest) {
    if (!match($0, "[ \n]" name "=\""))
        return ""
    rest = substr($0, RSTART + RLENGTH)
    return decoded(substr(rest, 1, index(rest, "\"") - 1))
}

# The text after the record's tag, decoded.
function text() {
    return decoded(substr($0, index($0, ">") + 1))
}

function decoded(value) {
    gsub("&quot;", "\"", value); gsub("&#xD;", "", value); gsub("&#xA;", "\n", value)
    gsub("&gt;", ">", value); gsub("&lt;", "<", value); gsub("&amp;", "\\&", value)
    return value
}
