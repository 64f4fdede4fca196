
# Follows query.sh: which attributes occur below the path, each combination once.
if [ -d "$path" ]; then
    find "$path" -exec stat -c 'entry=%f:%u:%g:%U:%G' {} + | sort -u
fi
