package seclang

import (
	"strings"

	"github.com/ringwall/ringwall/internal/nearest"
)

// Kind is what sort of word a construct is.
type Kind string

// The kinds of words of the language.
const (
	DirectiveKind      Kind = "directive"
	VariableKind       Kind = "variable"
	OperatorKind       Kind = "operator"
	TransformationKind Kind = "transformation"
	ActionKind         Kind = "action"
	CtlKind            Kind = "ctl"
)

// Status is what becomes of a construct.
type Status string

const (
	// Supported constructs do what the ModSecurity v3 manual says.
	Supported Status = "supported"
	// Accepted constructs are read and have no effect here for the reason in Note.
	Accepted Status = "accepted"
	// Refused constructs are an error whose hint is Note.
	Refused Status = "refused"
)

// Construct is one word of the language.
type Construct struct {
	Kind   Kind
	Name   string
	Status Status
	// Note is the reason if the word is not supported, else a remark or empty.
	Note string
}

const (
	noClock    = "the engine reads no clock"
	noDisk     = "the engine reads and writes no files"
	noNetwork  = "the engine makes no network requests"
	gatewayLog = "events carry what the audit log would; choose their destination in the gateway's configuration"
	noPCRE     = "matching takes linear time, so that there is nothing to limit"
	apache     = "a setting of the Apache module; set it at the gateway"
)

// Constructs lists every word of the language with what becomes of it, grouped by
// kind. Variables that are supported are added from the variable table.
func Constructs() []Construct {
	list := append([]Construct(nil), constructs...)
	for v := Variable(1); v < VariableCount; v++ {
		list = append(list, Construct{VariableKind, v.String(), Supported, ""})
	}
	return list
}

// Lookup finds a construct by its name, in any case. Variables that are supported are
// not among what it finds; ParseVariable finds them.
func Lookup(kind Kind, name string) (Construct, bool) { return lookup(kind, name) }

// lookup finds a construct other than a supported variable, in any case.
func lookup(kind Kind, name string) (Construct, bool) {
	for i := range constructs {
		if constructs[i].Kind == kind && strings.EqualFold(constructs[i].Name, name) {
			return constructs[i], true
		}
	}
	return Construct{}, false
}

var constructs = []Construct{
	{DirectiveKind, "Include", Supported, "of the files that the caller gives; globs are in order of name"},
	{DirectiveKind, "SecAction", Supported, ""},
	{DirectiveKind, "SecArgumentsLimit", Supported, ""},
	{DirectiveKind, "SecAuditEngine", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLog", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLog2", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLogDirMode", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLogFileMode", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLogFormat", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLogParts", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLogPrefix", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLogRelevantStatus", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLogStorageDir", Accepted, gatewayLog},
	{DirectiveKind, "SecAuditLogType", Accepted, gatewayLog},
	{DirectiveKind, "SecArgumentSeparator", Refused, "applications behind a proxy split arguments at &, so does the engine"},
	{DirectiveKind, "SecCacheTransformations", Accepted, "transformations are computed once per value anyway"},
	{DirectiveKind, "SecChrootDir", Refused, apache},
	{DirectiveKind, "SecCollectionTimeout", Supported, "the default is 3600"},
	{DirectiveKind, "SecComponentSignature", Accepted, "kept in the list of components"},
	{DirectiveKind, "SecConnEngine", Refused, apache},
	{DirectiveKind, "SecConnReadStateLimit", Refused, apache},
	{DirectiveKind, "SecConnWriteStateLimit", Refused, apache},
	{DirectiveKind, "SecContentInjection", Refused, "responses are inspected, not changed"},
	{DirectiveKind, "SecCookieFormat", Accepted, "cookies are read by RFC 6265, which covers version 0 and 1"},
	{DirectiveKind, "SecCookieV0Separator", Refused, "cookies are separated by ; as RFC 6265 says"},
	{DirectiveKind, "SecDataDir", Accepted, noDisk},
	{DirectiveKind, "SecDataset", Refused, "use a .data file and @pmFromFile"},
	{DirectiveKind, "SecDebugLog", Accepted, "explain a request instead: ringwall waf explain"},
	{DirectiveKind, "SecDebugLogLevel", Accepted, "explain a request instead: ringwall waf explain"},
	{DirectiveKind, "SecDefaultAction", Supported, ""},
	{DirectiveKind, "SecDisableBackendCompression", Refused, apache},
	{DirectiveKind, "SecGeoLookupDb", Refused, noDisk},
	{DirectiveKind, "SecGsbLookupDb", Refused, noDisk},
	{DirectiveKind, "SecGuardianLog", Refused, apache},
	{DirectiveKind, "SecHashEngine", Refused, "responses are inspected, not changed"},
	{DirectiveKind, "SecHashKey", Refused, "responses are inspected, not changed"},
	{DirectiveKind, "SecHashMethodPm", Refused, "responses are inspected, not changed"},
	{DirectiveKind, "SecHashMethodRx", Refused, "responses are inspected, not changed"},
	{DirectiveKind, "SecHashParam", Refused, "responses are inspected, not changed"},
	{DirectiveKind, "SecHttpBlKey", Refused, noNetwork},
	{DirectiveKind, "SecIgnoreRuleCompilationErrors", Refused, "a rule that is silently left out is a hole; correct it or remove it"},
	{DirectiveKind, "SecInterceptOnError", Refused, "fail open or closed is a setting of the gateway"},
	{DirectiveKind, "SecMarker", Supported, ""},
	{DirectiveKind, "SecPcreMatchLimit", Accepted, noPCRE},
	{DirectiveKind, "SecPcreMatchLimitRecursion", Accepted, noPCRE},
	{DirectiveKind, "SecRemoteRules", Refused, noNetwork},
	{DirectiveKind, "SecRemoteRulesFailAction", Refused, noNetwork},
	{DirectiveKind, "SecRequestBodyAccess", Supported, ""},
	{DirectiveKind, "SecRequestBodyInMemoryLimit", Accepted, "bodies are inspected in memory up to SecRequestBodyLimit"},
	{DirectiveKind, "SecRequestBodyJsonDepthLimit", Supported, ""},
	{DirectiveKind, "SecRequestBodyLimit", Supported, "the smaller of this and the configured limit holds"},
	{DirectiveKind, "SecRequestBodyLimitAction", Accepted, "bytes beyond the limit pass and the verdict says truncated; the gateway decides"},
	{DirectiveKind, "SecRequestBodyNoFilesLimit", Accepted, "SecRequestBodyLimit holds for the whole body"},
	{DirectiveKind, "SecResponseBodyAccess", Supported, ""},
	{DirectiveKind, "SecResponseBodyJsonDepthLimit", Accepted, "response bodies are inspected as text"},
	{DirectiveKind, "SecResponseBodyLimit", Supported, "the smaller of this and the configured limit holds"},
	{DirectiveKind, "SecResponseBodyLimitAction", Accepted, "bytes beyond the limit pass and the verdict says truncated; the gateway decides"},
	{DirectiveKind, "SecResponseBodyMimeType", Supported, ""},
	{DirectiveKind, "SecResponseBodyMimeTypesClear", Supported, ""},
	{DirectiveKind, "SecRule", Supported, ""},
	{DirectiveKind, "SecRuleEngine", Supported, "DetectionOnly treats every request as Request.DetectOnly"},
	{DirectiveKind, "SecRuleInheritance", Refused, apache},
	{DirectiveKind, "SecRulePerfTime", Refused, noClock},
	{DirectiveKind, "SecRuleRemoveById", Supported, ""},
	{DirectiveKind, "SecRuleRemoveByMsg", Supported, ""},
	{DirectiveKind, "SecRuleRemoveByTag", Supported, ""},
	{DirectiveKind, "SecRuleScript", Refused, "rules run no programs"},
	{DirectiveKind, "SecRuleUpdateActionById", Supported, ""},
	{DirectiveKind, "SecRuleUpdateTargetById", Supported, ""},
	{DirectiveKind, "SecRuleUpdateTargetByMsg", Supported, ""},
	{DirectiveKind, "SecRuleUpdateTargetByTag", Supported, ""},
	{DirectiveKind, "SecRxPreFilter", Accepted, "the engine's own filter is always on and proved sound"},
	{DirectiveKind, "SecSensorId", Accepted, "events carry the gateway's name"},
	{DirectiveKind, "SecServerSignature", Refused, "responses are inspected, not changed"},
	{DirectiveKind, "SecStatusEngine", Accepted, "the engine reports to nobody"},
	{DirectiveKind, "SecStreamInBodyInspection", Refused, apache},
	{DirectiveKind, "SecStreamOutBodyInspection", Refused, apache},
	{DirectiveKind, "SecTmpDir", Accepted, noDisk},
	{DirectiveKind, "SecTmpSaveUploadedFiles", Accepted, noDisk},
	{DirectiveKind, "SecUnicodeMapFile", Accepted, "the map for code page 20127 (US-ASCII) is built in"},
	{DirectiveKind, "SecUploadDir", Accepted, noDisk},
	{DirectiveKind, "SecUploadFileLimit", Accepted, "file parts are inspected in memory and bounded by SecRequestBodyLimit"},
	{DirectiveKind, "SecUploadFileMode", Accepted, noDisk},
	{DirectiveKind, "SecUploadKeepFiles", Accepted, noDisk},
	{DirectiveKind, "SecWebAppId", Accepted, "events carry the site's name"},
	{DirectiveKind, "SecXmlExternalEntity", Accepted, "external entities are never read"},

	{VariableKind, "ARGS_POST_RAW", Refused, "use REQUEST_BODY"},
	{VariableKind, "DURATION", Refused, noClock},
	{VariableKind, "ENV", Refused, "the engine does not see the environment"},
	{VariableKind, "FILES_TMPNAMES", Refused, noDisk},
	{VariableKind, "GEO", Refused, "there is no geographic database in the engine; list networks with @ipMatch or @ipMatchFromFile"},
	{VariableKind, "JSON", Refused, "values of JSON bodies are in ARGS under json.…"},
	{VariableKind, "MODSEC_BUILD", Refused, "this is not ModSecurity"},
	{VariableKind, "PERF_ALL", Refused, noClock},
	{VariableKind, "SCRIPT_FILENAME", Refused, apache},
	{VariableKind, "SDBM_DELETE_ERROR", Refused, noDisk},
	{VariableKind, "WEBAPPID", Refused, "events carry the site's name"},
	{VariableKind, "WEBSERVER_ERROR_LOG", Refused, apache},

	{OperatorKind, "beginsWith", Supported, ""},
	{OperatorKind, "contains", Supported, ""},
	{OperatorKind, "containsWord", Supported, ""},
	{OperatorKind, "detectSQLi", Supported, "libinjection"},
	{OperatorKind, "detectXSS", Supported, "libinjection"},
	{OperatorKind, "endsWith", Supported, ""},
	{OperatorKind, "eq", Supported, ""},
	{OperatorKind, "fuzzyHash", Refused, noDisk},
	{OperatorKind, "ge", Supported, ""},
	{OperatorKind, "geoLookup", Refused, noDisk},
	{OperatorKind, "gsbLookup", Refused, noDisk},
	{OperatorKind, "gt", Supported, ""},
	{OperatorKind, "inspectFile", Refused, "rules run no programs"},
	{OperatorKind, "ipMatch", Supported, ""},
	{OperatorKind, "ipMatchF", Supported, ""},
	{OperatorKind, "ipMatchFromFile", Supported, ""},
	{OperatorKind, "ipMatchFromDataset", Refused, "use @ipMatchFromFile"},
	{OperatorKind, "le", Supported, ""},
	{OperatorKind, "lt", Supported, ""},
	{OperatorKind, "noMatch", Supported, ""},
	{OperatorKind, "pm", Supported, ""},
	{OperatorKind, "pmf", Supported, ""},
	{OperatorKind, "pmFromFile", Supported, ""},
	{OperatorKind, "pmFromDataset", Refused, "use @pmFromFile"},
	{OperatorKind, "rbl", Refused, noNetwork},
	{OperatorKind, "restpath", Refused, "write the path as a regular expression; ARGS_PATH, which it would fill, is empty"},
	{OperatorKind, "rsub", Refused, "requests are inspected, not changed"},
	{OperatorKind, "rx", Supported, "RE2 syntax: no backreferences and no look-around; . matches newline, ^ and $ match at lines"},
	{OperatorKind, "rxGlobal", Supported, "as @rx: one match is enough"},
	{OperatorKind, "streq", Supported, ""},
	{OperatorKind, "strmatch", Supported, ""},
	{OperatorKind, "unconditionalMatch", Supported, ""},
	{OperatorKind, "validateByteRange", Supported, ""},
	{OperatorKind, "validateDTD", Refused, noDisk},
	{OperatorKind, "validateHash", Refused, "responses are inspected, not changed"},
	{OperatorKind, "validateNid", Supported, "cl (RUT) and us (social security numbers)"},
	{OperatorKind, "validateSchema", Refused, noDisk},
	{OperatorKind, "validateUrlEncoding", Supported, ""},
	{OperatorKind, "validateUtf8Encoding", Supported, ""},
	{OperatorKind, "verifyCC", Supported, "the Luhn check on what the regular expression finds"},
	{OperatorKind, "verifyCPF", Supported, "the check digits of what the regular expression finds"},
	{OperatorKind, "verifySSN", Supported, "numbers that are given out, areas since 2011 included"},
	{OperatorKind, "verifySVNR", Supported, "the check digit of what the regular expression finds"},
	{OperatorKind, "within", Supported, ""},

	{TransformationKind, "base64Decode", Supported, ""},
	{TransformationKind, "base64DecodeExt", Supported, ""},
	{TransformationKind, "base64Encode", Supported, ""},
	{TransformationKind, "cmdLine", Supported, ""},
	{TransformationKind, "compressWhitespace", Supported, ""},
	{TransformationKind, "cssDecode", Supported, ""},
	{TransformationKind, "escapeSeqDecode", Supported, ""},
	{TransformationKind, "hexDecode", Supported, ""},
	{TransformationKind, "hexEncode", Supported, ""},
	{TransformationKind, "htmlEntityDecode", Supported, ""},
	{TransformationKind, "jsDecode", Supported, ""},
	{TransformationKind, "length", Supported, ""},
	{TransformationKind, "lowercase", Supported, ""},
	{TransformationKind, "md5", Supported, ""},
	{TransformationKind, "none", Supported, ""},
	{TransformationKind, "normalisePath", Supported, ""},
	{TransformationKind, "normalisePathWin", Supported, ""},
	{TransformationKind, "normalizePath", Supported, ""},
	{TransformationKind, "normalizePathWin", Supported, ""},
	{TransformationKind, "parityEven7bit", Refused, "no protocol behind a proxy has parity bits"},
	{TransformationKind, "parityOdd7bit", Refused, "no protocol behind a proxy has parity bits"},
	{TransformationKind, "parityZero7bit", Refused, "no protocol behind a proxy has parity bits"},
	{TransformationKind, "removeComments", Supported, ""},
	{TransformationKind, "removeCommentsChar", Supported, ""},
	{TransformationKind, "removeNulls", Supported, ""},
	{TransformationKind, "removeWhitespace", Supported, ""},
	{TransformationKind, "replaceComments", Supported, ""},
	{TransformationKind, "replaceNulls", Supported, ""},
	{TransformationKind, "sha1", Supported, ""},
	{TransformationKind, "sqlHexDecode", Supported, ""},
	{TransformationKind, "trim", Supported, ""},
	{TransformationKind, "trimLeft", Supported, ""},
	{TransformationKind, "trimRight", Supported, ""},
	{TransformationKind, "uppercase", Supported, ""},
	{TransformationKind, "urlDecode", Supported, ""},
	{TransformationKind, "urlDecodeUni", Supported, ""},
	{TransformationKind, "urlEncode", Supported, ""},
	{TransformationKind, "utf8toUnicode", Supported, ""},

	{ActionKind, "accuracy", Accepted, "a remark of the rule's author"},
	{ActionKind, "allow", Supported, ""},
	{ActionKind, "append", Refused, "responses are inspected, not changed"},
	{ActionKind, "auditlog", Accepted, gatewayLog},
	{ActionKind, "block", Supported, ""},
	{ActionKind, "capture", Supported, ""},
	{ActionKind, "chain", Supported, ""},
	{ActionKind, "ctl", Supported, ""},
	{ActionKind, "deny", Supported, ""},
	{ActionKind, "deprecatevar", Supported, "counts whole periods since the value was set or made smaller last"},
	{ActionKind, "drop", Supported, "as deny: the gateway closes the connection or answers, as its policy says"},
	{ActionKind, "exec", Refused, "rules run no programs"},
	{ActionKind, "expirevar", Supported, "without an effect for TX, which ends with the transaction"},
	{ActionKind, "id", Supported, ""},
	{ActionKind, "initcol", Supported, "of IP, SESSION, USER, GLOBAL and RESOURCE"},
	{ActionKind, "log", Supported, ""},
	{ActionKind, "logdata", Supported, ""},
	{ActionKind, "maturity", Accepted, "a remark of the rule's author"},
	{ActionKind, "msg", Supported, ""},
	{ActionKind, "multiMatch", Supported, ""},
	{ActionKind, "noauditlog", Accepted, gatewayLog},
	{ActionKind, "nolog", Supported, ""},
	{ActionKind, "pass", Supported, ""},
	{ActionKind, "pause", Refused, "a sleeping request is a way to exhaust the gateway; count in a collection and deny"},
	{ActionKind, "phase", Supported, ""},
	{ActionKind, "prepend", Refused, "responses are inspected, not changed"},
	{ActionKind, "proxy", Refused, "routing is the gateway's business"},
	{ActionKind, "redirect", Supported, "the decision has the status; the gateway's followed action has the place"},
	{ActionKind, "rev", Supported, ""},
	{ActionKind, "sanitiseArg", Accepted, "the gateway masks values by its own policy"},
	{ActionKind, "sanitiseMatched", Accepted, "the gateway masks values by its own policy"},
	{ActionKind, "sanitiseMatchedBytes", Accepted, "the gateway masks values by its own policy"},
	{ActionKind, "sanitiseRequestHeader", Accepted, "the gateway masks values by its own policy"},
	{ActionKind, "sanitiseResponseHeader", Accepted, "the gateway masks values by its own policy"},
	{ActionKind, "setenv", Refused, "the engine does not touch the environment"},
	{ActionKind, "setrsc", Supported, ""},
	{ActionKind, "setsid", Supported, ""},
	{ActionKind, "setuid", Supported, ""},
	{ActionKind, "setvar", Supported, "of TX, IP, SESSION, USER, GLOBAL and RESOURCE"},
	{ActionKind, "severity", Supported, ""},
	{ActionKind, "skip", Supported, ""},
	{ActionKind, "skipAfter", Supported, ""},
	{ActionKind, "status", Supported, ""},
	{ActionKind, "t", Supported, ""},
	{ActionKind, "tag", Supported, ""},
	{ActionKind, "ver", Supported, ""},
	{ActionKind, "xmlns", Refused, "namespaces of XML are not resolved; use XML:/* and XML://@*"},

	{CtlKind, "auditEngine", Accepted, gatewayLog},
	{CtlKind, "auditLogParts", Accepted, gatewayLog},
	{CtlKind, "debugLogLevel", Accepted, "explain a request instead: ringwall waf explain"},
	{
		CtlKind, "forceRequestBodyVariable", Supported,
		"REQUEST_BODY has JSON, XML and multipart bodies, too; bodies of unknown type are read as forms",
	},
	{CtlKind, "forceResponseBodyVariable", Supported, ""},
	{CtlKind, "hashEnforcement", Refused, "responses are inspected, not changed"},
	{CtlKind, "hashEngine", Refused, "responses are inspected, not changed"},
	{CtlKind, "parseXmlIntoArgs", Refused, "contents of XML are in XML:/*"},
	{CtlKind, "requestBodyAccess", Supported, ""},
	{CtlKind, "requestBodyLimit", Refused, "the limit is one setting for the engine, so that memory is bounded"},
	{CtlKind, "requestBodyProcessor", Supported, "URLENCODED, MULTIPART, JSON, XML, GRAPHQL, RAW"},
	{CtlKind, "responseBodyAccess", Supported, ""},
	{CtlKind, "responseBodyLimit", Refused, "the limit is one setting for the engine, so that memory is bounded"},
	{CtlKind, "responseBodyProcessor", Refused, "response bodies are inspected as text"},
	{CtlKind, "ruleEngine", Supported, ""},
	{CtlKind, "ruleRemoveById", Supported, ""},
	{CtlKind, "ruleRemoveByMsg", Supported, ""},
	{CtlKind, "ruleRemoveByTag", Supported, ""},
	{CtlKind, "ruleRemoveTargetById", Supported, ""},
	{CtlKind, "ruleRemoveTargetByMsg", Supported, ""},
	{CtlKind, "ruleRemoveTargetByTag", Supported, ""},
}

// maxDistance is up to how many changes a known word is offered for one that does not
// exist: beyond that it would be a guess.
const maxDistance = 2

// meant returns the known word of kind that the author of name probably meant, "" if
// none is near.
func meant(kind Kind, name string) string {
	words := map[string]string{} // as the language spells them, by lower case
	var known []string
	add := func(word string) {
		lower := strings.ToLower(word)
		words[lower] = word
		known = append(known, lower)
	}
	for i := range constructs {
		if constructs[i].Kind == kind {
			add(constructs[i].Name)
		}
	}
	if kind == VariableKind {
		for v := Variable(1); v < VariableCount; v++ {
			add(v.String())
		}
	}
	name = strings.ToLower(name)
	best := nearest.Name(name, known)
	if nearest.Distance(name, best) > maxDistance {
		return ""
	}
	return words[best]
}

func unknown(kind Kind, pos Pos, name string) *Error {
	e := &Error{Pos: pos, Msg: "unknown " + string(kind), Text: name, Hint: "see the table of constructs in docs/guide/seclang.md"}
	if n := meant(kind, name); n != "" {
		e.Hint = "did you mean " + n + "?"
	}
	return e
}
