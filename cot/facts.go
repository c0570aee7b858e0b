package cot

// The facts that the router publishes on the bus.
const (
	FactContact   = "cot.contact"   // ContactFact: a device appeared, or left
	FactEmergency = "cot.emergency" // EmergencyFact: an alert began, changed or ended
)
