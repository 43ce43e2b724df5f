package shop

import (
	"io"
	"os"
	"path"
	"strings"
)

// files are what the folder is stocked with. Those under files are meant for
// customers; the rest is bait, and every word of it is made up.
func files() map[string]string {
	return map[string]string{
		"files/care-guide.txt":   "LANTERN LANE - CARE GUIDE\n\nWool: air it, brush it, wash it seldom and cold.\nStoneware: the dishwasher is fine, the oven too, the hob is not.\nPlants: a finger deep in the soil tells you more than a calendar.\nBrass: leave it be. It knows what it is doing.\n",
		"files/size-guide.txt":   "LANTERN LANE - SIZE GUIDE\n\nThrow    130 x 190 cm\nCushion   50 x 50 cm\nDay pack  46 x 28 x 14 cm, 18 l\nHat       S 55, M 57, L 59 cm\n",
		"files/returns-form.txt": "LANTERN LANE - RETURNS\n\nOrder number: ______________\nWhat comes back: ______________\nWhy (optional, we are curious, not strict): ______________\n\nThirty days, free of charge.\n",
		"files/catalogue.txt":    "LANTERN LANE - AUTUMN CATALOGUE\n\nLighting, table, green, textiles, desk, outdoors.\nTwenty-four things, each made to be kept.\n",
		"secrets/payment.key":    "-----BEGIN DEMO KEY-----\nbm90IGEga2V5LCBvbmx5IGJhaXQgZm9yIHRoZSBSaW5nd2FsbCBkZW1v\n-----END DEMO KEY-----\n",
		"secrets/config.ini":     "[database]\nuser = lantern\npassword = demo-only-not-a-secret\n[mail]\nsmtp = mail.lanternlane.example\npassword = also-not-a-secret\n",
		"etc/passwd":             "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nshop:x:33:33:Lantern Lane:/:/bin/sh\nida:x:1000:1000:Ida Keeper:/home/ida:/bin/bash\n",
		"etc/hostname":           "lantern-web-1\n",
	}
}

func (s *Shop) stockFiles() error {
	for name, text := range files() {
		if _, err := s.root.Stat(name); err == nil {
			continue
		}
		if err := s.root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return err
		}
		if err := s.root.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// open opens name below the customers' files. "../" climbs out of those, up to the
// shop's folder and no further: the path is cut off there, as in a chroot, and
// os.Root refuses links that point out.
func (s *Shop) open(name string) (*os.File, error) {
	p := strings.TrimPrefix(path.Clean("/"+"files/"+name), "/")
	if p == "" {
		p = "."
	}
	return s.root.Open(p)
}

func readSome(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, 1<<20)) }
