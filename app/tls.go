package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// certificates are what the console's port proves itself with: a certificate
// authority made at the first start and a server certificate made anew when it is
// about to expire or the names changed.
type certificates struct {
	caFile string
	server tls.Certificate
}

// openCertificates reads or makes the files ca.pem, ca.key, console.pem and
// console.key in dir. Keys have mode 0600.
func openCertificates(dir, consoleAddress string) (certificates, error) {
	c, err := makeCertificates(dir, consoleAddress, time.Now())
	if err != nil {
		return certificates{}, fmt.Errorf("console certificate in %s: %w", dir, err)
	}
	return c, nil
}

func makeCertificates(dir, consoleAddress string, now time.Time) (certificates, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return certificates{}, err
	}
	c := certificates{caFile: filepath.Join(dir, "ca.pem")}
	ca, err := readPair(dir, "ca")
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = issue(dir, "ca", &x509.Certificate{
			Subject:               pkix.Name{CommonName: "Ringwall console CA"},
			NotBefore:             now.Add(-time.Hour),
			NotAfter:              now.AddDate(10, 0, 0),
			KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
			IsCA:                  true,
			BasicConstraintsValid: true,
			MaxPathLenZero:        true,
		}, nil)
	}
	if err != nil {
		return certificates{}, err
	}
	names, addresses := consoleNames(consoleAddress)
	c.server, err = readPair(dir, "console")
	if err == nil && fits(c.server.Leaf, ca.Leaf, names, addresses, now) {
		return c, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return certificates{}, err
	}
	c.server, err = issue(dir, "console", &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0]},
		DNSNames:    names,
		IPAddresses: addresses,
		NotBefore:   now.Add(-time.Hour),
		NotAfter:    now.AddDate(0, 0, 397), // the most that browsers accept
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, &ca)
	return c, err
}

// consoleNames are the names and addresses that a browser may use.
func consoleNames(address string) ([]string, []net.IP) {
	names, addresses := []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if name, err := os.Hostname(); err == nil && name != "localhost" {
		names = append(names, name)
	}
	host, _, _ := net.SplitHostPort(address)
	switch ip := net.ParseIP(host); {
	case ip != nil && ip.IsUnspecified():
		interfaces, _ := net.InterfaceAddrs() // without them the names remain
		for _, a := range interfaces {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() {
				addresses = append(addresses, n.IP)
			}
		}
	case ip != nil && !ip.IsLoopback():
		addresses = append(addresses, ip)
	case ip == nil && host != "" && !slices.Contains(names, host):
		names = append(names, host)
	}
	return names, addresses
}

// fits reports whether a certificate will do for at least another month.
func fits(leaf, ca *x509.Certificate, names []string, addresses []net.IP, now time.Time) bool {
	if leaf.CheckSignatureFrom(ca) != nil || now.AddDate(0, 1, 0).After(leaf.NotAfter) {
		return false
	}
	for _, n := range names {
		if leaf.VerifyHostname(n) != nil {
			return false
		}
	}
	for _, a := range addresses {
		if leaf.VerifyHostname(a.String()) != nil {
			return false
		}
	}
	return true
}

func readPair(dir, name string) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
}

// issue makes a key and a certificate signed by ca, or by itself if ca is nil, and
// writes both.
func issue(dir, name string, template *x509.Certificate, ca *tls.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template.SerialNumber = serial
	parent, signer := template, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	// The certificate last: a pair without it is made anew.
	if err := writeNew(filepath.Join(dir, name+".key"), keyPEM); err != nil {
		return tls.Certificate{}, err
	}
	if err := writeNew(filepath.Join(dir, name+".pem"), certPEM); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

// writeNew replaces a file in one step.
func writeNew(path string, b []byte) error {
	if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
