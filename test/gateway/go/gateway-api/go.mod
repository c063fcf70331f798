// The CRDs of Gateway API's standard channel are read from this module; nothing of it is compiled.
module modelship.dev/test/gateway/gateway-api

go 1.24.0

require sigs.k8s.io/gateway-api v1.4.1
