package neterr

import (
	"net"
	"strings"
	"testing"
)

func TestAPortThatIsInUseNamesTheWayOut(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	address := ln.Addr().String()
	_, err = net.Listen("tcp", address)
	if err == nil {
		t.Fatal("the port was opened twice")
	}
	want := "console address " + address + ": address already in use; stop what uses it or choose another port with --console"
	if got := Listen("console address "+address, err, " with --console").Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err = net.Listen("tcp", "192.0.2.1:0")
	if err == nil || !strings.Contains(Listen("port", err, "").Error(), "no such address") {
		t.Errorf("an address of another machine: %v", err)
	}
}

func TestTheCauseHasNoAddresses(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err = net.Dial("tcp", address); err == nil {
		t.Fatal("a closed port was reached")
	}
	if got := Cause(err); got != "connection refused" {
		t.Errorf("got %q of %v", got, err)
	}
}
