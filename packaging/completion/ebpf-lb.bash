# shellcheck shell=bash
# Completion for bash. ebpf-lb itself knows the words: commands, options and the values that an option takes.

_ebpf_lb() {
    local word=$2 line=${COMP_LINE:0:COMP_POINT}
    line=${line#"${COMP_WORDS[0]}"}
    line=${line# }
    # An option is asked for at its command alone: those before it may have taken any value.
    [[ $word != -* ]] || [ "$COMP_CWORD" -eq 1 ] || line="${COMP_WORDS[1]} $word"
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)" -- "$word")
}

complete -o default -F _ebpf_lb ebpf-lb
