import type {Gateway} from '../api/gen'
import {useServices} from '../api/queries'
import {listenerURL} from '../gateway/listener'
import {useCan} from '../session/session'
import {Empty, Skel} from '../widgets/states'
import {TestAttackButton} from './TestAttack'

/** Shown while the lake is empty: where to send traffic, and a button that makes the first event. */
export function NothingYet({gateways}: {gateways: Gateway[]}) {
  const operator = useCan('operator')
  const services = useServices()
  const listeners = gateways.flatMap((g) => g.listeners).filter((l) => !l.error)
  return (
    <Empty title="No attacks seen yet" icon="shield">
      <p>Ringwall reports every request that matches a rule. Send your application’s traffic through the gateway:</p>
      {listeners.length === 0 && <p>No gateway is listening yet. Add a site with a service first.</p>}
      {listeners.map((l) => (
        <a key={l.address} className="link mono" href={listenerURL(l.address, l.tls)} target="_blank" rel="noreferrer">
          {listenerURL(l.address, l.tls)}
        </a>
      ))}
      {operator && services.isPending && <Skel h={57} w={160} />}
      {operator && services.data?.[0]?.id && (
        <>
          <TestAttackButton serviceID={services.data[0].id} />
          <p className="faint">One harmless request with a script tag, through {services.data[0].name}.</p>
        </>
      )}
    </Empty>
  )
}
