# Shows the lock. $1 kubeconfig, $2 name of the Lease
kubeconfig=$1 lease=$2
can_ask || exit
look
