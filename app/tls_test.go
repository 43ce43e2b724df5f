package app

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestConsoleCertificateIsKeptUntilItMustChange(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	open := func(address string, at time.Time) certificates {
		t.Helper()
		c, err := makeCertificates(dir, address, at)
		if err != nil {
			t.Fatal(err)
		}
		pem, err := os.ReadFile(c.caFile)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
			if _, err := c.server.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: at}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		return c
	}
	first := open("127.0.0.1:8083", now)
	if second := open("127.0.0.1:8083", now.AddDate(0, 6, 0)); !bytes.Equal(first.server.Leaf.Raw, second.server.Leaf.Raw) {
		t.Error("the certificate changed without need")
	}
	renewed := open("127.0.0.1:8083", now.AddDate(1, 0, 10))
	if bytes.Equal(first.server.Leaf.Raw, renewed.server.Leaf.Raw) {
		t.Error("a certificate about to expire was kept")
	}
	named := open("console.example.com:8083", now.AddDate(1, 0, 10))
	if err := named.server.Leaf.VerifyHostname("console.example.com"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"ca.key", "console.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
}

func TestURLsCanBeClicked(t *testing.T) {
	for _, tc := range []struct{ scheme, address, want string }{
		{"http", "[::]:8080", "http://localhost:8080"},
		{"http", "0.0.0.0:8080", "http://localhost:8080"},
		{"http", "127.0.0.1:8080", "http://localhost:8080"}, // the Core Rule Set suspects bare addresses
		{"https", "127.0.0.1:8083", "https://127.0.0.1:8083"},
		{"https", "192.0.2.7:8443", "https://192.0.2.7:8443"},
		{"http", "[2001:db8::1]:80", "http://[2001:db8::1]:80"},
	} {
		if got := url(tc.scheme, tc.address); got != tc.want {
			t.Errorf("%s %s: got %s, want %s", tc.scheme, tc.address, got, tc.want)
		}
	}
}
