package datagen

import (
	"fmt"
	"math/rand/v2"
)

// keyColumn is the column that holds an entry's key.
func keyColumn(kind string) string {
	switch kind {
	case "telemetry":
		return "device"
	case "logs":
		return "host"
	case "scores":
		return "player"
	case "stock":
		return "product"
	}
	return "customer"
}

// shape returns the columns whose numbers may drift and the maker of a row,
// or nil for an unknown kind. The maker is told how many rows the key has had
// before. Amounts are whole cents: binary fractions in
// expected sums would make honest answers differ in the last digit.
func shape(kind string) ([]string, func(*rand.Rand, int) map[string]any) {
	pick := func(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }
	switch kind {
	case "clickstream":
		return []string{"durationMs"}, func(r *rand.Rand, _ int) map[string]any {
			return map[string]any{
				"type":       pick(r, "view", "view", "view", "search", "cart", "checkout"),
				"page":       fmt.Sprintf("/products/%d", 1+r.IntN(500)),
				"durationMs": int64(50 + r.IntN(30000)),
				"device":     pick(r, "phone", "tablet", "desktop"),
			}
		}
	case "telemetry":
		return []string{"battery"}, func(r *rand.Rand, _ int) map[string]any {
			return map[string]any{
				"metric":  pick(r, "temperature", "humidity", "vibration"),
				"milli":   int64(r.IntN(100000)),
				"battery": int64(r.IntN(101)),
				"status":  pick(r, "ok", "ok", "ok", "ok", "warning"),
			}
		}
	case "orders":
		return []string{"quantity"}, func(r *rand.Rand, _ int) map[string]any {
			quantity, price := int64(1+r.IntN(5)), int64(99+r.IntN(20000))
			return map[string]any{
				"product":    fmt.Sprintf("p%03d", r.IntN(200)),
				"quantity":   quantity,
				"priceCents": price,
				"totalCents": quantity * price,
				"country":    pick(r, "DE", "FR", "GB", "US", "JP"),
			}
		}
	case "transactions":
		return []string{"amountCents"}, func(r *rand.Rand, _ int) map[string]any {
			return map[string]any{
				"account":     fmt.Sprintf("a%06d", r.IntN(100000)),
				"amountCents": int64(r.IntN(500000)) - 100000,
				"currency":    pick(r, "EUR", "USD", "GBP"),
				"kind":        pick(r, "card", "transfer", "direct debit"),
			}
		}
	case "scores":
		return []string{"score"}, func(r *rand.Rand, _ int) map[string]any {
			return map[string]any{
				"game":  pick(r, "asteroids", "asteroids", "asteroids", "blocks", "chess", "darts", "echo"),
				"week":  fmt.Sprintf("2026-W%02d", 2+r.IntN(3)),
				"score": int64(10 * r.IntN(400)), // often the same, so that ties happen
			}
		}
	case "stock":
		// A product is counted first; from then on it moves, and is counted again
		// now and then. n numbers what happens to it.
		return []string{"quantity"}, func(r *rand.Rand, before int) map[string]any {
			if before == 0 || r.IntN(7) == 0 {
				return map[string]any{"n": int64(before + 1), "kind": "count", "quantity": int64(20 + r.IntN(200))}
			}
			return map[string]any{"n": int64(before + 1), "kind": "move", "quantity": int64(r.IntN(41)) - 20}
		}
	case "logs":
		return []string{"status"}, func(r *rand.Rand, _ int) map[string]any {
			return map[string]any{
				"level":     pick(r, "INFO", "INFO", "INFO", "WARN", "ERROR"),
				"method":    pick(r, "GET", "GET", "POST", "PUT"),
				"path":      fmt.Sprintf("/api/v1/items/%d", r.IntN(300)),
				"status":    int64([]int{200, 200, 200, 201, 304, 404, 500}[r.IntN(7)]),
				"latencyMs": int64(1 + r.IntN(2000)),
			}
		}
	}
	return nil, nil
}
