package app

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics serves the Prometheus text format. docs/guide/metrics.md lists every
// name.
func metrics(version string, planes []plane) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collector{version, planes})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector reads the planes' numbers when it is asked.
type collector struct {
	version string
	planes  []plane
}

// Describe implements prometheus.Collector. Sending nothing makes the collector an
// unchecked one: services come and go.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	send := metricSender(out)
	send.gauge(describe("build_info", "The version that runs.", "version"), 1, c.version)
	for _, p := range c.planes {
		p.collect(send)
	}
}

// metricSender takes the numbers of a plane. Names get the prefix ringwall_.
type metricSender chan<- prometheus.Metric

func (s metricSender) gauge(d *prometheus.Desc, value int64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
}

func (s metricSender) count(d *prometheus.Desc, value int64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("ringwall_"+name, help, labels, nil)
}

func (d *dataPlane) collect(send metricSender) {
	st := d.gateway.Status()
	send.gauge(describe("policy_version", "Version of the running policy."), st.PolicyVersion)
	send.gauge(describe("requests_in_flight", "Requests under way."), st.InFlight)
	for _, l := range st.Listeners {
		send.gauge(describe("connections", "Open client connections.", "service", "address"), l.Connections, l.Service, l.Address)
	}
	for _, u := range st.Upstreams {
		send.gauge(describe("upstream_healthy", "1 if the last connection to the server succeeded.", "service", "upstream"),
			number(u.Healthy), u.Service, u.URL)
		send.count(describe("upstream_requests_total", "Requests sent to the server.", "service", "upstream"), u.Requests, u.Service, u.URL)
		send.count(describe("upstream_failures_total", "Requests that the server did not answer.", "service", "upstream"),
			u.Failures, u.Service, u.URL)
	}
	names := map[string]string{}
	for _, s := range d.gateway.Services() {
		names[s.ID] = s.Name
	}
	for _, t := range st.Traffic {
		service := names[t.ServiceID]
		send.count(describe("requests_total", "Requests.", "service"), t.Requests, service)
		send.count(describe("requests_blocked_total", "Requests that were blocked.", "service"), t.Blocked, service)
		send.count(describe("requests_alerted_total", "Requests that matched a rule and passed.", "service"), t.Alerted, service)
		send.count(describe("requests_failed_total", "Requests answered with 502 or 504.", "service"), t.Errors, service)
	}
	cs := d.gateway.CollectionStats()
	send.gauge(describe("collection_records", "Records that rules keep between requests."), int64(cs.Records))
	send.count(describe("collection_evictions_total", "Records thrown away before their time, since there were too many."), cs.Evicted)
	send.count(describe("collection_refusals_total", "Values not kept, since their record had too many."), cs.Refused)
	files, loaded, failed := d.rules.status()
	send.gauge(describe("rule_files", "Rule files of the operator's own that are in force."), int64(files))
	send.gauge(describe("rules_loaded_timestamp_seconds", "When the rules were read."), loaded.Unix())
	send.gauge(describe("rules_reload_failed", "1 if the last reload failed and the rules before are in force."), number(failed != nil))
	sp := d.spool.Stats()
	send.gauge(describe("spool_bytes", "Size of the spool on disk."), sp.Bytes)
	send.gauge(describe("spool_events", "Events that are not in the lake yet."), sp.Waiting)
	send.count(describe("spool_damaged_bytes_total", "Bytes of the spool that could not be read; the segments are set aside."), sp.Damaged)
	send.count(describe("events_dropped_total", "Events that were dropped because the spool could not take them."), sp.Dropped)
}

func (p *pump) collect(send metricSender) {
	send.count(describe("events_unreadable_total", "Events that could not be decoded or stored and were left out of the lake."),
		p.unreadable.Load()+p.lake.Dropped())
}

func (l lakePlane) collect(send metricSender) {
	events, bytes, err := l.Size(context.Background())
	if err != nil { // no number rather than a wrong one
		l.log.Warn("size of the lake not known", "err", err)
		return
	}
	send.gauge(describe("lake_events", "Events in the lake."), events)
	send.gauge(describe("lake_bytes", "Size of the lake on disk."), bytes)
}

func number(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
