//go:build e2e

// Package apiserver holds the API to a real API server: the tables of
// tests/validation, which the build runs without one, are replayed on a local
// Kubernetes with the definitions and admission policies of deploy installed.
package apiserver
