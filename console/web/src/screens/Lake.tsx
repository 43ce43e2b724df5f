export default function Lake() { return null }
