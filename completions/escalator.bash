# SPDX-License-Identifier: Apache-2.0
# bash completion: the program itself knows what can be completed.
_escalator() {
    local cur words cword line candidate typed
    _get_comp_words_by_ref -n =: cur words cword
    COMPREPLY=()
    while IFS= read -r line; do
        candidate=${line%%$'\t'*}
        case $candidate in
        :files)
            compopt -o filenames
            while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$cur")
            ;;
        :dirs)
            compopt -o filenames
            while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -d -- "$cur")
            ;;
        *) COMPREPLY+=("$candidate") ;;
        esac
    done < <("${words[0]}" __complete "${words[@]:1:cword}" 2>/dev/null)
    # readline replaces only what follows the last ":" or "="
    typed=${cur%"${cur##*[:=]}"}
    [[ -z $typed ]] || COMPREPLY=("${COMPREPLY[@]#"$typed"}")
}
complete -F _escalator escalator
