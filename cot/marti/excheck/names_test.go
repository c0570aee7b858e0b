package excheck_test

import (
	"muster/cot/mission"
	"muster/internal/auth"
)

func caller(id auth.Identity, uid string) mission.Caller {
	return mission.Caller{Identity: id, UID: uid}
}

func ref(name string) mission.Ref { return mission.Ref{Name: name} }
