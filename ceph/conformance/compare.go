package conformance

import (
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp/cmpopts"
)

// equalEmpty makes a nil slice or map equal to one of no elements.
var equalEmpty = cmpopts.EquateEmpty()

// sorted checks that a list is in order.
func sorted[T any](e *env, what string, list []T, less func(a, b T) bool) {
	e.Helper()
	for i := 1; i < len(list); i++ {
		if !less(list[i-1], list[i]) {
			e.Errorf("%s: %v comes before %v", what, list[i-1], list[i])
		}
	}
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// major reads 20 from 20.2.4.
func major(version string) int {
	number, _, _ := strings.Cut(version, ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}

// find returns the first element that matches, or nil.
func find[T any](list []T, match func(T) bool) *T {
	i := slices.IndexFunc(list, match)
	if i < 0 {
		return nil
	}
	return &list[i]
}
