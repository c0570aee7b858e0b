//go:build !linux

package rtmp

import "net"

func boundSendQueue(net.Conn) {}
