package main

import (
	"testing"

	"muster/internal/store/storetest"
)

func TestMain(m *testing.M) {
	defer storetest.Stop()
	m.Run()
}
