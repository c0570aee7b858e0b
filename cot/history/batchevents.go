package history

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

// writeEvents writes whole events; each ends the one of the same uid before it.
func (b *batch) writeEvents(ctx context.Context, intents []intent) error {
	events := of(intents, isEvent)
	if len(events) == 0 {
		return nil
	}
	if err := b.findNewest(ctx, events); err != nil {
		return err
	}
	rows := make([]*eventRow, 0, len(events))
	byID := make(map[int64]*eventRow)
	ends := make(map[int64]int64)
	for _, in := range events {
		r := b.eventRow(in)
		rows = append(rows, r)
		byID[r.ID] = r
		if in.private {
			continue
		}
		k := itemKey{r.UID, r.Audience}
		if old := b.newestOf(k); old != 0 {
			if mate := byID[old]; mate != nil {
				mate.ValidTo = min(mate.ValidTo, r.Received)
			} else {
				ends[old] = r.Received
			}
		}
		b.newest[k] = r.ID
	}
	if err := endEvents(ctx, b.tx, ends); err != nil {
		return err
	}
	if _, err := b.tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

func (b *batch) newestOf(k itemKey) int64 {
	if id, ok := b.newest[k]; ok {
		return id
	}
	return b.s.newest[k]
}

// findNewest looks up which event counts at present for the uids that are not in
// memory.
func (b *batch) findNewest(ctx context.Context, events []intent) error {
	var uids []string
	from := events[0].received
	for _, in := range events {
		k := itemKey{in.e.UID, b.audience(in)}
		_, here := b.newest[k]
		_, known := b.s.newest[k]
		if here || known || in.private {
			continue
		}
		b.newest[k] = 0
		uids = append(uids, in.e.UID)
		from = min(from, in.received)
	}
	if len(uids) == 0 {
		return nil
	}
	var rows []struct {
		UID      string `bun:"uid"`
		Audience int64  `bun:"audience"`
		ID       int64  `bun:"id"`
	}
	err := b.tx.NewSelect().Model((*eventRow)(nil)).ColumnExpr("uid, audience, max(id) AS id").
		Where("uid IN (?)", bun.List(uids)).Where("valid_to > ?", from).Where("NOT private").Group("uid", "audience").Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	for _, r := range rows {
		k := itemKey{r.UID, r.Audience}
		if _, ok := b.newest[k]; ok {
			b.newest[k] = r.ID
		}
	}
	return nil
}

// endEvents ends events that others have taken the place of.
func endEvents(ctx context.Context, tx bun.IDB, ends map[int64]int64) error {
	if len(ends) == 0 {
		return nil
	}
	var q strings.Builder
	q.WriteString("WITH v (id, t) AS (VALUES ")
	for i, id := range slices.Sorted(maps.Keys(ends)) {
		if i > 0 {
			q.WriteByte(',')
		}
		fmt.Fprintf(&q, "(%d,%d)", id, ends[id])
	}
	q.WriteString(") UPDATE history_events SET valid_to = v.t FROM v WHERE history_events.id = v.id AND history_events.valid_to > v.t")
	if _, err := tx.ExecContext(ctx, q.String()); err != nil {
		return fmt.Errorf("end events: %w", err)
	}
	return nil
}

func (b *batch) eventRow(in intent) *eventRow {
	e := in.e
	p := pointOf(e.Point)
	r := &eventRow{
		ID: b.nextID(in.received), Kind: in.kind, UID: e.UID, Audience: b.audience(in), Type: e.Type, How: e.How,
		Callsign: e.Contact.Callsign, Time: e.Time, Start: e.Start, Stale: e.Stale, Received: in.received, ValidTo: e.Stale,
		SenderUser: e.From.Identity.User, SenderUID: e.From.UID, Private: in.private, Mission: in.mission,
		Readers: jsonOf(b.s.readers(in, "")), Dests: jsonOf(in.dests), Lat: p.Lat, Lon: p.Lon, HAE: p.HAE, CE: p.CE, LE: p.LE,
		XML: packXML(e.XML()),
	}
	if in.archive {
		r.ValidTo = forever
	}
	if in.private || !shown(e.Type) {
		r.ValidTo = in.received
	}
	r.Size = int64(len(r.XML))
	return r
}

func (b *batch) writeChat(ctx context.Context, intents []intent) error {
	var rows []*chatRow
	type once struct{ uid, id string }
	seen := make(map[once]bool)
	for _, in := range of(intents, isChat) {
		c := in.chat
		c.ID, c.Audience, c.XML = b.nextID(in.received), b.audience(in), packXML(in.e.XML())
		c.Size = int64(len(c.XML))
		b.s.settlePeer(in, &c)
		c.Readers = jsonOf(b.s.readers(in, c.PeerUser))
		if k := (once{c.SenderUID, c.MessageID}); !seen[k] {
			seen[k] = true
			rows = append(rows, &c)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	// The same message may come twice, over another way.
	if _, err := b.tx.NewInsert().Model(&rows).On("CONFLICT (sender_uid, message_id) DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("write chat: %w", err)
	}
	return nil
}

// takeReceipts changes the state of messages. That one was delivered or read says
// who it was for; that it waits or could not be sent is said to its sender, whose
// name the server's answer bears.
func (b *batch) takeReceipts(ctx context.Context, intents []intent) error {
	for _, in := range of(intents, isReceipt) {
		if in.e.From.Identity.System && !in.receipt.server { // clients without a login are nobody
			continue
		}
		if _, err := receiptUpdate(b.tx, in).Exec(ctx); err != nil {
			return fmt.Errorf("write receipts: %w", err)
		}
	}
	return nil
}

// receiptUpdate changes the state of the message that a receipt is for.
func receiptUpdate(db bun.IDB, in intent) *bun.UpdateQuery {
	q := db.NewUpdate().Model((*chatRow)(nil)).Set("state = ?", in.receipt.state).
		Where("message_id = ?", in.receipt.message).Where("kind = ?", RoomDirect).
		Where("state IN (?)", bun.List(before[in.receipt.state]))
	from := in.e.From
	switch s := in.receipt.state; {
	case in.receipt.server:
		return q
	case s == StatePending || s == StateFailed:
		// An expression, so that no index of senders seems as good as that of messages:
		// SQLite would go through everything that this one has ever sent.
		return q.Where("sender_user || '' = ?", from.Identity.User)
	}
	return q.Where("((peer_user <> '' AND peer_user = ?) OR (peer_user = '' AND peer_uid = ?))", from.Identity.User, from.UID)
}

// delete ends what was deleted, where the sender may write to its groups.
func (b *batch) delete(ctx context.Context, intents []intent) error {
	gone := of(intents, isGone)
	if len(gone) == 0 {
		return nil
	}
	audiences, err := readAudiences(ctx, b.tx)
	if err != nil {
		return err
	}
	for _, in := range gone {
		may := audiences.allowed(in.e.From.Identity, auth.Publish)
		if len(may) == 0 {
			continue
		}
		_, err := b.tx.NewUpdate().Model((*eventRow)(nil)).Set("valid_to = ?", in.received).
			Where("uid = ? AND received <= ? AND valid_to > ?", in.gone, in.received, in.received).Where("NOT private").
			Where("audience IN (?)", bun.List(may)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end events: %w", err)
		}
		_, err = b.tx.NewUpdate().Model((*positionRow)(nil)).Set("ended = ?", in.received).
			Where("uid = ? AND received <= ?", in.gone, in.received).Where("audience IN (?)", bun.List(may)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end positions: %w", err)
		}
		for _, a := range may {
			k := itemKey{in.gone, a}
			if it := b.item(k); it != nil && it.received <= in.received {
				c := *it
				c.ended = in.received
				b.end(k, &c)
			}
			if b.newestOf(k) != 0 {
				b.newest[k] = 0
			}
		}
	}
	return nil
}

// end puts an ended item in its place: among those the database does not have
// yet when it holds an event.
func (b *batch) end(k itemKey, it *item) {
	if it.e != nil {
		b.changed[k] = it
		return
	}
	b.items[k] = it
}

// writeDevices notes who uses which uid.
func (b *batch) writeDevices(ctx context.Context, _ []intent) error {
	rows := b.s.learnt()
	if len(rows) == 0 {
		return nil
	}
	_, err := b.tx.NewInsert().Model(&rows).On("CONFLICT (uid) DO UPDATE").
		Set("user_name = EXCLUDED.user_name").Set("callsign = EXCLUDED.callsign").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write the devices: %w", err)
	}
	return nil
}
