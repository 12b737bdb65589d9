# Completion for fish. ebpf-lb itself knows the words: commands, options and the values that an option takes.

function __ebpf_lb_words
    set --local words (commandline --current-process --tokenize --cut-at-cursor)
    set --local word (commandline --current-token --cut-at-cursor)
    set --local line (string join ' ' -- $words[2..] $word)
    # An option is asked for at its command alone: those before it may have taken any value.
    if string match --quiet -- '-*' $word; and test (count $words) -gt 1
        set line "$words[2] $word"
    end
    $words[1] "[suggest:"(string length -- $line)"]" $line 2>/dev/null
end

complete --command ebpf-lb --arguments '(__ebpf_lb_words)'
