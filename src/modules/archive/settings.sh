# make.sh takes these words before those of common.sh: PACKS REMOVES OWNER GROUP MODE. PACKS (yes or no): otherwise only the
# attributes are set. REMOVES (yes or no): what was packed is removed. OWNER, GROUP and MODE may be empty.
packs=$1
removes=$2
owner=$3
group=$4
mode=$5
shift 5
