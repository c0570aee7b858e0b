// Package mmsg is what Linux is told to send or receive many datagrams with one
// system call: sendmmsg(2), recvmmsg(2), and UDP_SEGMENT of udp(7), by which one
// message is cut into many datagrams. Nothing here waits for a socket. What is
// pointed to has to stay where it is until the call is over.
package mmsg
