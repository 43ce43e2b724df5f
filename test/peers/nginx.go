package peers

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
)

// What Debian's packages install.
const (
	modSecurityModule = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
	modSecurityConf   = "/etc/nginx/modsecurity.conf"
	unicodeMapping    = "/etc/nginx/unicode.mapping"
)

// page is the answer of the upstream: 1 KB of HTML.
var page = "<!doctype html><html><head><title>Shop</title></head><body>" + strings.Repeat(
	"<p>All is well in the summer shop today.</p>\n",
	21,
) + "</body></html>"

const nginxConf = `
%[1]s
daemon off; worker_processes %[2]d; pid %[3]s/pid; error_log %[3]s/error.log crit;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; server_tokens off;
  client_max_body_size 20m; client_body_buffer_size 2m;
  client_body_temp_path %[3]s/b; proxy_temp_path %[3]s/p; fastcgi_temp_path %[3]s/f; uwsgi_temp_path %[3]s/u; scgi_temp_path %[3]s/s;
  %[4]s
}
`

// startNginx runs nginx with the inside of an http block; %ADDRESS% in it becomes
// the address.
func startNginx(ctx context.Context, name, dir, modules, http string) (*Process, error) {
	bin, err := program("nginx")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	conf := fmt.Sprintf(nginxConf, modules, 2, dir, strings.ReplaceAll(http, "%ADDRESS%", address))
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, err
	}
	p, err := start(name, exec.Command(bin, "-c", file, "-p", dir, "-e", filepath.Join(dir, "error.log")))
	if err != nil {
		return nil, err
	}
	p.Address = address
	if err := p.listening(ctx); err != nil {
		p.Stop()
		log, _ := os.ReadFile(filepath.Join(dir, "error.log")) // it may have said nothing
		return nil, fmt.Errorf("%w %s", err, log)
	}
	return p, nil
}

// startUpstream runs the server that all proxies are in front of.
func startUpstream(ctx context.Context, dir string) (*Process, error) {
	return startNginx(
		ctx,
		"upstream",
		dir,
		"",
		`server { listen %ADDRESS% backlog=4096; location / { default_type text/html; return 200 '`+page+`'; } }`,
	)
}

func proxyTo(upstream, inspection string) string {
	return `upstream app { server ` + upstream + `; keepalive 64; }
  server { listen %ADDRESS% backlog=4096; ` + inspection + `
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } }`
}

// startNginxProxy runs nginx as a proxy that inspects nothing.
func startNginxProxy(ctx context.Context, dir, upstream string) (*Process, error) {
	return startNginx(ctx, "nginx", dir, "", proxyTo(upstream, ""))
}

// startModSecurity runs nginx with ModSecurity 3 and the Core Rule Set.
func startModSecurity(ctx context.Context, dir, upstream string) (*Process, error) {
	if _, err := os.Stat(modSecurityModule); err != nil {
		return nil, fmt.Errorf("nginx's ModSecurity module is not installed: run tools/setup.sh bench: %w", err)
	}
	rules := filepath.Join(dir, "modsecurity-rules")
	if err := writeModSecurityRules(rules); err != nil {
		return nil, err
	}
	return startNginx(ctx, "modsecurity", dir, "load_module "+modSecurityModule+";",
		proxyTo(upstream, "modsecurity on; modsecurity_rules_file "+filepath.Join(rules, "main.conf")+";"))
}

// bareChained is a chained rule without actions, which libmodsecurity 3.0.9 cannot
// read.
var bareChained = regexp.MustCompile(`(?m)^([ \t]+SecRule [^"\n]+ "[^"\n]*")$`)

// auditLine is a setting of the audit log, which would open files in /var/log.
var auditLine = regexp.MustCompile(`(?m)^SecAudit.*$`)

// writeModSecurityRules writes Debian's recommended settings with the engine on and
// the audit log off, and the Core Rule Set of our own module.
func writeModSecurityRules(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	base, err := os.ReadFile(modSecurityConf)
	if err != nil {
		return fmt.Errorf("libnginx-mod-http-modsecurity is incomplete: %w", err)
	}
	mapping, err := os.ReadFile(unicodeMapping)
	if err != nil {
		return fmt.Errorf("libnginx-mod-http-modsecurity is incomplete: %w", err)
	}
	setup, err := fs.ReadFile(coreruleset.FS, "@crs-setup.conf.example")
	if err != nil {
		return err
	}
	var main strings.Builder
	main.WriteString(
		"Include " + dir + "/base.conf\nSecRuleEngine On\nSecAuditEngine Off\nSecPcreMatchLimit 100000\nSecPcreMatchLimitRecursion 100000\n" +
			"Include " + dir + "/crs-setup.conf\n",
	)
	out := map[string][]byte{
		"base.conf": auditLine.ReplaceAll(base, nil), "unicode.mapping": mapping, "crs-setup.conf": setup,
	}
	files, err := fs.ReadDir(coreruleset.FS, "@owasp_crs")
	if err != nil {
		return err
	}
	patched := 0
	for _, f := range files {
		text, err := fs.ReadFile(coreruleset.FS, path.Join("@owasp_crs", f.Name()))
		if err != nil {
			return err
		}
		if strings.HasSuffix(f.Name(), ".conf") {
			patched += len(bareChained.FindAll(text, -1))
			text = bareChained.ReplaceAll(text, []byte(`$1 "t:none"`))
			main.WriteString("Include " + filepath.Join(dir, f.Name()) + "\n")
		}
		out[f.Name()] = text
	}
	if patched == 0 {
		return fmt.Errorf("the chained rules without actions in file 949 were not found; the rule set has changed, look at bareChained")
	}
	out["main.conf"] = []byte(main.String())
	for name, text := range out {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
