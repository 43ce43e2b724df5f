import {ActionIcon, Tooltip, type ActionIconProps} from '@mantine/core'
import {Icon, type IconName} from './icons'

/** A button that shows only an icon; label is its tooltip and its name. */
export function IconButton({
  icon,
  label,
  onClick,
  ...rest
}: {icon: IconName; label: string; onClick?: () => void; disabled?: boolean} & ActionIconProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon aria-label={label} onClick={onClick} {...rest}>
        <Icon name={icon} />
      </ActionIcon>
    </Tooltip>
  )
}
