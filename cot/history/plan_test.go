package history

import (
	"strings"
	"testing"

	"muster/cot"
	"muster/internal/auth"
	"muster/internal/store"
	"muster/internal/store/storetest"
)

// TestReceiptsGoStraightToTheirMessage looks at how SQLite finds it: anything but
// the index of messages takes longer with each message that somebody has sent.
func TestReceiptsGoStraightToTheirMessage(t *testing.T) {
	db := storetest.Open(t, store.Config{})
	e := &cot.Event{From: cot.Sender{Identity: auth.Identity{User: "ann"}, UID: "ANN"}}
	for _, r := range []receipt{
		{state: StateDelivered}, {state: StateRead}, {state: StatePending}, {state: StateFailed}, {state: StatePending, server: true},
	} {
		r.message = "m"
		q := receiptUpdate(db.Query(), intent{e: e, receipt: r})
		var id, parent, unused int
		var plan string
		if err := db.Query().QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+q.String()).Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, "history_chat_by_message") {
			t.Errorf("%+v: %s", r, plan)
		}
	}
}
