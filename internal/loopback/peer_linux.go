package loopback

import (
	"bytes"
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"
)

// socketID names a TCP socket as the kernel's socket monitor does: ports and
// addresses in the order of the network.
type socketID struct {
	Source, Destination [2]byte
	From, To            [16]byte
	Interface           uint32
	Cookie              [2]uint32
}

// question is a netlink message that asks for one socket.
// Source: sock_diag(7), struct inet_diag_req_v2.
type question struct {
	Header                               unix.NlMsghdr
	Family, Protocol, Extensions, Unused uint8
	States                               uint32
	ID                                   socketID
}

// answer is what follows the header of the reply. Source: sock_diag(7), struct
// inet_diag_msg.
type answer struct {
	Family, State, Timer, Retransmits     uint8
	ID                                    socketID
	Expires, ReadQueue, WriteQueue, Owner uint32
	Inode                                 uint32
}

// ask asks the kernel about the socket at the other end of a connection. known is
// false when it does not say.
func ask(there, here *net.TCPAddr) (s socket, known bool) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return s, false
	}
	defer func() { _ = unix.Close(fd) }() // nothing was written that could be lost
	q := question{Protocol: unix.IPPROTO_TCP, States: ^uint32(0), Family: unix.AF_INET}
	q.Header = unix.NlMsghdr{Len: uint32(binary.Size(q)), Type: unix.SOCK_DIAG_BY_FAMILY, Flags: unix.NLM_F_REQUEST}
	q.ID.Cookie = [2]uint32{^uint32(0), ^uint32(0)} // any
	binary.BigEndian.PutUint16(q.ID.Source[:], uint16(there.Port))
	binary.BigEndian.PutUint16(q.ID.Destination[:], uint16(here.Port))
	if ip := there.IP.To4(); ip != nil {
		copy(q.ID.From[:], ip)
		copy(q.ID.To[:], here.IP.To4())
	} else {
		q.Family = unix.AF_INET6
		copy(q.ID.From[:], there.IP.To16())
		copy(q.ID.To[:], here.IP.To16())
	}
	var b bytes.Buffer
	if binary.Write(&b, binary.NativeEndian, q) != nil ||
		unix.Sendto(fd, b.Bytes(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != nil {
		return s, false
	}
	reply := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, reply, 0)
	if err != nil {
		return s, false
	}
	return read(reply[:n])
}

// read takes a reply apart: a socket, or an error of which "no such file" means
// that there is no such socket any more.
func read(reply []byte) (s socket, known bool) {
	r := bytes.NewReader(reply)
	var h unix.NlMsghdr
	if binary.Read(r, binary.NativeEndian, &h) != nil {
		return s, false
	}
	if h.Type == unix.NLMSG_ERROR {
		var code int32
		if binary.Read(r, binary.NativeEndian, &code) != nil || code != -int32(unix.ENOENT) {
			return s, false
		}
		return socket{uid: gone}, true
	}
	var a answer
	if h.Type != unix.SOCK_DIAG_BY_FAMILY || binary.Read(r, binary.NativeEndian, &a) != nil {
		return s, false
	}
	if a.Inode == 0 { // closed by its process: the kernel gives such sockets to root
		return socket{uid: gone}, true
	}
	return socket{uid: int(a.Owner), inode: a.Inode}, true
}
