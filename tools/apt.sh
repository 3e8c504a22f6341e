# shellcheck shell=sh disable=SC2016 # apt's own $(NAMES) in formats
# apt-get beside the system's own settings, to be sourced: other sources, lists
# and archives in a directory of their own. The system's files stay as they are.

# The repository that this release of Debian itself comes from, as the system
# has it configured (a mirror of it, usually). $1 = security: the one with its
# security updates.
apt_mirror() {
    apt-get indextargets --format \
        '$(CREATED_BY)|$(LABEL)|$(COMPONENT)|$(RELEASE)|$(REPO_URI)' \
        | awk -F '|' -v want="${1:-main}" '
            $1 != "Packages" || $3 != "main" { next }
            want == "main" && $2 == "Debian" && $4 !~ /[-\/]/ { print $5; exit }
            want == "security" && $2 == "Debian-Security" { print $5; exit }'
}

# The release's name in the system's sources. $1 as above.
apt_release() {
    apt-get indextargets --format '$(LABEL)|$(RELEASE)|$(REPO_URI)' \
        | awk -F '|' -v uri="$(apt_mirror "${1:-main}")" '
            $3 == uri && (uri ~ /security/ || $2 !~ /[-\/]/) { print $2; exit }'
}

# apt_private DIR ARGS..: apt-get with DIR/sources.list alone. Signatures are
# checked with Debian's keyring, which signed-by in the list names.
apt_private() {
    apt_dir=$1
    shift
    mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial"
    apt-get -o Dir::Etc::SourceList="$apt_dir/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$apt_dir/lists" \
        -o Dir::Cache="$apt_dir" \
        -o Dir::Cache::Archives="$apt_dir/archives" \
        -o Acquire::Languages=none \
        -o APT::Sandbox::User="$(id -un)" \
        -o APT::Update::Post-Invoke= \
        -o APT::Update::Post-Invoke-Success= "$@"
}

# A line of a sources.list: apt_source deb|deb-src URI RELEASE. A mirror may be
# a frozen one, so the age of its index is not held against it.
apt_source() {
    printf '%s [signed-by=%s check-valid-until=no] %s %s main\n' "$1" \
        /usr/share/keyrings/debian-archive-keyring.gpg "$2" "$3"
}
