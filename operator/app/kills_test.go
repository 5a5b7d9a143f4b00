//go:build !race

package app

const killStride = 1
