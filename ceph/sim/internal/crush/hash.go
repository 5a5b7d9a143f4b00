package crush

import "math/bits"

// Hash mixes two numbers into one (the finalizer of SplitMix64 over their sum).
func Hash(a, b uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + b + 0x632be59bd9b4e019
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// The logarithm is a table made with integers: placement is the same on every
// processor, which math.Log does not promise.
const (
	logBits     = 12 // of the table's index
	logFraction = 32 // bits behind the point
)

var logTable = makeLogTable()

func makeLogTable() [1<<logBits + 1]uint64 {
	var table [1<<logBits + 1]uint64
	for i := range table {
		table[i] = log2(1<<63 + uint64(i)<<(63-logBits))
	}
	table[1<<logBits] = 1 << logFraction
	return table
}

// log2 returns the fraction of the binary logarithm of a number in [2^63, 2^64).
func log2(mantissa uint64) uint64 {
	var result uint64
	for range logFraction {
		hi, _ := bits.Mul64(mantissa, mantissa)
		result <<= 1
		if hi>>63 == 1 {
			result |= 1
			mantissa = hi
		} else {
			mantissa = hi << 1
		}
	}
	return result
}

// exponential turns a hash into -log2 of a number evenly spread over (0, 1], as
// fixed point.
func exponential(hash uint64) uint64 {
	hash |= 1
	zeros := bits.LeadingZeros64(hash)
	mantissa := hash << zeros
	index := mantissa << 1 >> (64 - logBits)
	low, high := logTable[index], logTable[index+1]
	rest := mantissa << (1 + logBits) >> 32
	fraction := low + (high-low)*rest>>32
	return uint64(zeros+1)<<logFraction - fraction
}
