// Package check judges a pipeline by its behaviour: it sends stimuli, waits,
// looks with probes and compares. It sees an endpoint and the SDK only, and
// deploys nothing itself.
package check
