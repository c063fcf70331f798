// The CRDs of the Prometheus operator are read from this module; nothing of it is compiled.
module modelship.dev/test/chart/prometheus-operator

go 1.24.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
