package asset

import "time"

// GatewayStatus is what a gateway tells about itself. Counters run from its start.
type GatewayStatus struct {
	ID            string           `json:"id"`
	Name          string           `json:"name"`
	Version       string           `json:"version"`
	Started       time.Time        `json:"started"`
	PolicyVersion int64            `json:"policy_version"` // of the running policy
	Policy        PolicyStatus     `json:"policy"`
	MemoryBytes   int64            `json:"memory_bytes"` // resident memory of the process
	Goroutines    int              `json:"goroutines"`
	SpoolBytes    int64            `json:"spool_bytes"`
	SpoolEvents   int64            `json:"spool_events"` // not yet in the lake
	EventsDropped int64            `json:"events_dropped"`
	Requests      int64            `json:"requests"`
	Blocked       int64            `json:"blocked"`
	InFlight      int64            `json:"in_flight"`
	Listeners     []ListenerStatus `json:"listeners"`
	Upstreams     []UpstreamStatus `json:"upstreams"`
	Traffic       []Traffic        `json:"traffic"`
}

// PolicyStatus tells what became of the newest policy that a gateway was given.
type PolicyStatus struct {
	Version int64       `json:"version"`
	State   PolicyState `json:"state"`
	// Error says why the policy was refused and names the object: service "shop": port
	// 0.0.0.0:80: address already in use. The policy before runs on.
	Error string `json:"error,omitempty"`
}

// PolicyState is whether a policy is in force.
type PolicyState string

// The states of a policy. A gateway that was given none yet is pending.
const (
	PolicyPending PolicyState = "pending"
	PolicyApplied PolicyState = "applied"
	PolicyRefused PolicyState = "refused"
)

// ListenerStatus is one port of a gateway.
type ListenerStatus struct {
	Service     string `json:"service"`
	Address     string `json:"address"` // the real one, also where port 0 was asked for
	TLS         bool   `json:"tls"`
	Connections int64  `json:"connections"`
	Error       string `json:"error,omitempty"`
}

// UpstreamStatus is one server as a gateway sees it.
type UpstreamStatus struct {
	Service   string `json:"service"`
	URL       string `json:"url"`
	Healthy   bool   `json:"healthy"` // the last connection succeeded
	LastError string `json:"last_error,omitempty"`
	Requests  int64  `json:"requests"`
	Failures  int64  `json:"failures"`
}

// Traffic counts the requests of one service.
type Traffic struct {
	ServiceID     string `json:"service_id"`
	ServerGroupID string `json:"server_group_id"`
	Requests      int64  `json:"requests"`
	Blocked       int64  `json:"blocked"`
	Alerted       int64  `json:"alerted"`
	Errors        int64  `json:"errors"` // 502 and 504 answers
}
