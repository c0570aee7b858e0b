package voice

import (
	"reflect"
	"testing"
	"time"

	"muster/internal/store/storetest"
)

func TestBansOutliveTheProcess(t *testing.T) {
	ctx := t.Context()
	list := NewBanList(storetest.Open(t, storetest.Config(t, "sqlite")))
	at := time.Now().UTC().Truncate(time.Millisecond)
	want := []Ban{
		{User: "alice", Name: "Alpha", Reason: "noise", Start: at, Length: time.Hour},
		{Hash: "ab12", Name: "x", Start: at.Add(time.Second)},
	}
	for _, all := range [][]Ban{want, want[:1], {}, want} {
		if err := list.SaveBans(ctx, all); err != nil {
			t.Fatal(err)
		}
		got, err := list.LoadBans(ctx)
		if err != nil || !reflect.DeepEqual(got, all) {
			t.Errorf("%+v %v", got, err)
		}
	}
}
