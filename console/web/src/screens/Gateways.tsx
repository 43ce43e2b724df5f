export default function Gateways() { return null }
