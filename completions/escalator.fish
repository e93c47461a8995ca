# SPDX-License-Identifier: Apache-2.0
# fish completion: the program itself knows what can be completed.
function __escalator_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :dirs
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c escalator -f -a '(__escalator_complete)'
