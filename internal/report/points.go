package report

import (
	"math"
	"strconv"
)

// Round is points as every format shows and reports them: two decimals, half
// away from zero. What lies beyond nine decimals is the noise of sums in
// floating point, and is dropped before: 1.005 becomes 1.01 and not 1.00.
func Round(points float64) float64 {
	const finest = 1e9
	if math.Abs(points) >= (1<<53)/finest || math.IsNaN(points) {
		return math.Round(points*100) / 100
	}
	n := int64(math.Round(points * finest))
	const cent = int64(finest / 100)
	half := cent / 2
	if n < 0 {
		half = -half
	}
	return float64((n+half)/cent) / 100
}

// Points is Round written for people: 12, 12.5, 12.75.
func Points(points float64) string {
	return strconv.FormatFloat(Round(points)+0, 'f', -1, 64)
}

// tenths is a figure of a class: an average of whole points is no finer.
func tenths(points float64) string { return Points(math.Round(points*10) / 10) }

// percent is a share in words; empty where nothing is possible.
func percent(points, possible float64) string {
	if possible <= 0 {
		return ""
	}
	return strconv.FormatFloat(math.Round(points/possible*100), 'f', -1, 64) + " %"
}

// whole is points for systems that know no fractions, half away from zero.
func whole(points float64) int { return int(math.Round(Round(points))) }
