// What a shell runs at Tab: it asks the command for the words, and completes files by itself where the command says so (`:files`).

const bash = `# qbp completion for bash: source <(qbp completion bash)
_qbp() {
  local cur=${'$'}{COMP_WORDS[COMP_CWORD]} line
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = :files ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    else
      COMPREPLY+=("$line")
    fi
  done < <(qbp completion words -- "${'$'}{COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _qbp qbp
`

const zsh = `#compdef qbp
# qbp completion for zsh: qbp completion zsh > a file _qbp in a folder of $fpath
_qbp() {
  local -a words_
  local line result=1
  for line in "${'$'}{(@f)$(qbp completion words -- "${'$'}{(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then _files && result=0; elif [[ -n $line ]]; then words_+=("$line"); fi
  done
  (( $#words_ )) && compadd -- $words_ && result=0
  return result
}
if [[ $funcstack[1] == _qbp ]]; then _qbp "$@"; else compdef _qbp qbp; fi
`

const fish = `# qbp completion for fish: qbp completion fish > ~/.config/fish/completions/qbp.fish
function __qbp_words
  set -l typed (commandline -opc) (commandline -ct)
  for line in (qbp completion words -- $typed[2..-1] 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c qbp -f -a '(__qbp_words)'
`

export const SCRIPTS = { bash, zsh, fish } as const
