/** A network without a way out: services of AWS are reached inside it, and only CloudFront reaches in. */
import {
  CfnInternetGateway,
  CfnVPCGatewayAttachment,
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from "aws-cdk-lib/aws-ec2";
import type { Key } from "aws-cdk-lib/aws-kms";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import type { Environment } from "./environments.ts";

export const APP_PORT = 3000;
export const HEALTH_PORT = 3001;

const SERVICES = {
  EcrApi: InterfaceVpcEndpointAwsService.ECR,
  EcrImages: InterfaceVpcEndpointAwsService.ECR_DOCKER,
  Logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
  Parameters: InterfaceVpcEndpointAwsService.SSM,
  Secrets: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
} as const;
const MAIL_PORT = 465;

export interface Network {
  readonly vpc: Vpc;
  readonly balancer: SecurityGroup;
  readonly app: SecurityGroup;
  readonly database: SecurityGroup;
  readonly files: SecurityGroup;
}

export function network(scope: Construct, key: Key, environment: Environment, breakGlass: boolean): Network {
  const vpc = new Vpc(scope, "Vpc", {
    ipAddresses: IpAddresses.cidr(environment.cidr),
    availabilityZones: [...environment.availabilityZones],
    natGateways: 0,
    // Emptying the default group takes a function with rights of its own. Nothing is in that group, which is tested.
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [
      { name: "app", subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 22 },
      { name: "data", subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
    ],
  });
  // A VPC origin of CloudFront asks for a gateway to be attached. No route leads to it, so nothing leaves or comes in that way.
  const gateway = new CfnInternetGateway(scope, "EdgeGateway");
  new CfnVPCGatewayAttachment(scope, "EdgeGatewayAttachment", { vpcId: vpc.vpcId, internetGatewayId: gateway.ref });
  vpc.addFlowLog("FlowLog", {
    destination: FlowLogDestination.toCloudWatchLogs(
      new LogGroup(scope, "FlowLogs", { encryptionKey: key, retention: RetentionDays.THREE_MONTHS }),
    ),
  });

  const group = (id: string, description: string): SecurityGroup =>
    new SecurityGroup(scope, id, { vpc, description, allowAllOutbound: false });
  const balancer = group("BalancerGroup", "The load balancer: from CloudFront, to the application.");
  const app = group("AppGroup", "The application: from the load balancer, to data and endpoints.");
  const database = group("DatabaseGroup", "Postgres: from the application.");
  const files = group("FilesGroup", "EFS: from the application.");
  const endpoints = group("EndpointGroup", "Endpoints of AWS: from the application.");

  balancer.addIngressRule(Peer.prefixList(environment.edgePrefixListId), Port.HTTPS, "CloudFront");
  app.connections.allowFrom(balancer, Port.tcp(APP_PORT), "requests");
  app.connections.allowFrom(balancer, Port.tcp(HEALTH_PORT), "health checks");
  database.connections.allowFrom(app, Port.POSTGRES, "the application");
  files.connections.allowFrom(app, Port.NFS, "the application");
  endpoints.connections.allowFrom(app, Port.HTTPS, "the application");
  endpoints.connections.allowFrom(app, Port.tcp(MAIL_PORT), "mail");

  // The layers of images lie in S3.
  vpc.addGatewayEndpoint("S3", { service: GatewayVpcEndpointAwsService.S3 });
  app.addEgressRule(Peer.prefixList(environment.storagePrefixListId), Port.HTTPS, "S3, through its endpoint");
  const services = {
    ...SERVICES,
    Mail: InterfaceVpcEndpointAwsService.EMAIL_SMTP,
    ...(breakGlass && { Exec: InterfaceVpcEndpointAwsService.SSM_MESSAGES, Keys: InterfaceVpcEndpointAwsService.KMS }),
  };
  for (const [id, service] of Object.entries(services))
    vpc.addInterfaceEndpoint(id, {
      service,
      subnets: { subnetGroupName: "app" },
      securityGroups: [endpoints],
      open: false,
      privateDnsEnabled: true,
    });
  return { vpc, balancer, app, database, files };
}
